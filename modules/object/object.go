package object

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// An Object is an object of the API, as YAML has it.
type Object = map[string]any

// Module makes objects of the cluster. The host of its step is a control-plane host.
type Module struct {
	Objects   []Object     // applied in this order
	APIServer address.Addr // address of the step that starts the API server: "kube-apiserver.cp-1"
	Delete    []string     // names of objects that pmkctl has made and that are not wanted any more
}

// Check reads all objects at once and compares the fields that are ours.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	have := make([]Object, len(m.Objects))
	g, gctx := errgroup.WithContext(ctx)
	for i, o := range m.Objects {
		g.Go(func() error {
			path, err := pathOf(o)
			if err != nil {
				return err
			}
			have[i], err = kube.Get(gctx, h, path)
			if kube.NotFound(err) {
				return nil
			}
			return err
		})
	}
	err := g.Wait()
	if errors.Is(err, host.ErrUnavailable) {
		return m.unknown(ctx, h)
	}
	if err != nil {
		return nil, err
	}
	d, err := m.surplusObjects(ctx, h)
	if err != nil {
		return nil, err
	}
	for i, o := range m.Objects {
		c, differs, err := diff(have[i], o)
		if err != nil {
			return nil, err
		}
		if differs {
			d = append(d, c)
		}
	}
	return d, nil
}

// unknown returns a change for every object, for an API server that does not answer.
func (m Module) unknown(ctx context.Context, h host.UnitReader) (change.Diff, error) {
	action, err := kube.WhileDown(ctx, h)
	if err != nil {
		return nil, err
	}
	var d change.Diff
	for _, o := range m.Objects {
		d = append(d, change.Change{Kind: change.Object, Action: action, Item: name(o), Until: m.APIServer})
	}
	return d, nil
}

// diff returns how an object differs. have is nil if it does not exist.
func diff(have, want Object) (change.Change, bool, error) {
	c := change.Change{Kind: change.Object, Action: change.Add, Item: name(want), Manifest: true}
	w, err := text(want)
	if err != nil {
		return c, false, err
	}
	if have == nil {
		c.Want = w
		return c, true, nil
	}
	hv, wv, differs := differing("", plain(have), plain(want))
	unwanted := surplus(ownFields(have), plain(want), "")
	if !differs && len(unwanted) == 0 {
		return c, false, nil
	}
	c.Action = change.Update
	if len(unwanted) > 0 {
		c.Why = "no longer wanted: " + strings.Join(unwanted, ", ")
	}
	if !differs {
		return c, true, nil
	}
	if by := taken(have, wv); by != "" {
		c.Drift, c.Why = true, strings.TrimPrefix(c.Why+"; "+by, "; ")
	}
	if c.Have, err = text(hv); err != nil {
		return c, false, err
	}
	c.Want, err = text(wv)
	return c, true, err
}

// Apply makes the changes in d. It waits for what a new API server does not have yet,
// such as the namespace kube-system.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	for _, o := range m.Objects {
		if !d.Touches(name(o)) {
			continue
		}
		path, err := pathOf(o)
		if err != nil {
			return err
		}
		if err := apply(ctx, h, path, o); err != nil {
			return fmt.Errorf("apply %s: %w", name(o), err)
		}
	}
	return m.removeSurplus(ctx, h, d)
}

func apply(ctx context.Context, h host.KubeClient, path string, o Object) error {
	var final error
	err := resource.WaitFor(ctx, "the API server to take it", 30*time.Second, func(ctx context.Context) error {
		err := kube.Apply(ctx, h, path, o)
		if err != nil && !kube.Passing(err) {
			final = err
			return nil
		}
		return err
	})
	return errors.Join(final, err)
}

// Owns returns all items that the module may change, see modules.Owner.
func (m Module) Owns() []string {
	var items []string
	for _, o := range m.Objects {
		items = append(items, name(o))
	}
	return items
}

// name returns the item of an object: "deployment/kube-system/coredns".
func name(o Object) string {
	parts := []string{strings.ToLower(kube.Text(o, "kind"))}
	if ns := kube.Text(o, "metadata", "namespace"); ns != "" {
		parts = append(parts, ns)
	}
	return strings.Join(append(parts, kube.Text(o, "metadata", "name")), "/")
}

// resources are the known kinds, and their names in paths.
var resources = map[string]string{
	"ClusterRole":         "clusterroles",
	"ClusterRoleBinding":  "clusterrolebindings",
	"ConfigMap":           "configmaps",
	"DaemonSet":           "daemonsets",
	"Deployment":          "deployments",
	"Namespace":           "namespaces",
	"PodDisruptionBudget": "poddisruptionbudgets",
	"Role":                "roles",
	"RoleBinding":         "rolebindings",
	"Service":             "services",
	"ServiceAccount":      "serviceaccounts",
}

// pathOf returns the path of an object in the API.
func pathOf(o Object) (string, error) {
	version, kind := kube.Text(o, "apiVersion"), kube.Text(o, "kind")
	plural, known := resources[kind]
	if !known {
		return "", fmt.Errorf("find the path of %s: kind %s is not known", name(o), kind)
	}
	path := "/api/" + version
	if strings.Contains(version, "/") {
		path = "/apis/" + version
	}
	if ns := kube.Text(o, "metadata", "namespace"); ns != "" {
		path += "/namespaces/" + ns
	}
	return path + "/" + plural + "/" + kube.Text(o, "metadata", "name"), nil
}

func text(v any) (string, error) {
	b, err := yaml.Marshal(v)
	return string(b), err
}
