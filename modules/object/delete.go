package object

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
)

// groups are the API groups of the known kinds, by the name of the kind in a path.
// The other kinds are in the core group.
var groups = map[string]string{
	"clusterroles": "rbac.authorization.k8s.io/v1", "clusterrolebindings": "rbac.authorization.k8s.io/v1",
	"roles": "rbac.authorization.k8s.io/v1", "rolebindings": "rbac.authorization.k8s.io/v1",
	"daemonsets": "apps/v1", "deployments": "apps/v1", "poddisruptionbudgets": "policy/v1",
}

// pathOfName returns the path of an object by the name that name returns for it; ""
// if the kind is not known.
func pathOfName(name string) string {
	parts := strings.Split(name, "/")
	for kind, plural := range resources {
		if strings.ToLower(kind) != parts[0] {
			continue
		}
		o := Object{"kind": kind, "apiVersion": "v1", "metadata": map[string]any{"name": parts[len(parts)-1]}}
		if group := groups[plural]; group != "" {
			o["apiVersion"] = group
		}
		if len(parts) == 3 {
			kube.Field(o, "metadata").(map[string]any)["namespace"] = parts[1]
		}
		path, err := pathOf(o)
		if err != nil {
			return ""
		}
		return path
	}
	return ""
}

// surplusObjects returns the removals of the objects in m.Delete that exist and are
// ours. An object that somebody has made again has no fields of ours.
func (m Module) surplusObjects(ctx context.Context, h host.KubeClient) (change.Diff, error) {
	there := make([]bool, len(m.Delete))
	g, gctx := errgroup.WithContext(ctx)
	for i, name := range m.Delete {
		path := pathOfName(name)
		if path == "" {
			continue
		}
		g.Go(func() error {
			o, err := kube.Get(gctx, h, path)
			if kube.NotFound(err) || errors.Is(err, host.ErrUnavailable) {
				return nil // if the server is down, Check of the other objects returns that
			}
			there[i] = err == nil && ownFields(o) != nil
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var d change.Diff
	for i, name := range m.Delete {
		if there[i] {
			d = append(d, change.Change{Kind: change.Object, Action: change.Remove, Item: name})
		}
	}
	return d, nil
}

// removeSurplus deletes the objects of m.Delete that are in d.
func (m Module) removeSurplus(ctx context.Context, h host.KubeClient, d change.Diff) error {
	for _, c := range d {
		if c.Action != change.Remove || !slices.Contains(m.Delete, c.Item) {
			continue
		}
		if err := kube.Delete(ctx, h, pathOfName(c.Item)); err != nil {
			return fmt.Errorf("delete %s: %w", c.Item, err)
		}
	}
	return nil
}

// taken returns the name of another manager that has written a field that differs,
// and when; "" if there is none. part is the part of the wanted object that
// differs.
func taken(have Object, part any) string {
	entries, _ := kube.Field(have, "metadata", "managedFields").([]any)
	for _, e := range entries {
		if kube.Text(e, "manager") == kube.FieldManager || kube.Text(e, "subresource") == "status" {
			continue
		}
		if overlaps(kube.Field(e, "fieldsV1"), part) {
			return fmt.Sprintf("written by %s on %s", kube.Text(e, "manager"), kube.Text(e, "time"))
		}
	}
	return ""
}

// overlaps reports whether a set of fields (fieldsV1) has a field of part, which is
// a part of an object.
func overlaps(fields, part any) bool {
	set, _ := fields.(map[string]any)
	switch part := part.(type) {
	case map[string]any:
		for k, v := range part {
			if sub, ok := set["f:"+k]; ok && overlaps(sub, v) {
				return true
			}
		}
		return false
	case []any:
		for k, sub := range set {
			if keys, ok := strings.CutPrefix(k, "k:"); ok {
				if it := item(part, keys); it != nil && overlaps(sub, it) {
					return true
				}
			}
		}
	}
	return len(set) == 0
}
