package removal

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// Stop ends what runs on a host that leaves: services, pods, and what the
// kubelet and containerd mounted for them. It removes no file.
type Stop struct {
	Owns []Owned
	// Others use CNI on this host too: whose a network namespace is cannot
	// be told, and all stay.
	Others bool
}

// netns is where containerd keeps network namespaces.
const netns = "/run/netns"

// order is that in which services stop: first who starts pods again, and
// last who cleans up behind them. What is not in it comes in front.
var order = []string{"kubelet.service", "kube-proxy.service", "flanneld.service", "kube-controller-manager.service",
	"kube-scheduler.service", "kube-apiserver.service", "etcd.service", "containerd.service"}

const runtime = "containerd.service"

// slice is the kubelet's cgroup for pods. Empty as it is then, systemd keeps
// it.
const slice = "kubepods.slice"

// Items of a Stop that are no units.
const (
	podsItem   = "pods"
	mountsItem = "mounts"
)

// grace is how long pods have to end by themselves. Who drained the node has
// ended them before.
const grace = 10 * time.Second

// mark is in every unit file of ours; see modules/internal/resource.
var mark = []byte("\n" + change.InputsKey + "=")

// running is what a Stop finds.
type running struct {
	units  []host.Unit // ours that run or are enabled, in the order of stopping
	slice  *host.Unit  // if there is one
	pods   []host.PodProcess
	mounts []string // paths, as they are to be unmounted
}

// Check lists services, pods and mounts.
func (m Stop) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	r, err := m.look(ctx, h)
	if err != nil {
		return nil, err
	}
	var d change.Diff
	for _, u := range r.units {
		c := change.OfUnit(change.Remove, u.Name, change.StateOf(u), change.UnitState{})
		c.Why = "stopped and disabled"
		d = append(d, c)
	}
	if r.slice != nil {
		d = append(d, change.Change{Kind: change.Unit, Action: change.Remove, Item: slice, Have: r.slice.Active})
	}
	if n := len(r.pods); n > 0 {
		d = append(d, change.Change{Kind: change.Unit, Action: change.Remove, Item: podsItem, Why: fmt.Sprintf("%d processes", n)})
	}
	if n := len(r.mounts); n > 0 {
		d = append(d, change.Change{Kind: change.Unit, Action: change.Remove, Item: mountsItem, Why: fmt.Sprintf("%d, of pods", n)})
	}
	return d, nil
}

// look asks for all of it at once.
func (m Stop) look(ctx context.Context, h host.Host) (r running, err error) {
	names := m.units()
	if len(names) == 0 {
		return r, nil
	}
	var queries []host.FileQuery
	for _, n := range names {
		queries = append(queries, host.FileQuery{Path: change.UnitFile(n), Content: true})
	}
	var units []host.Unit
	var files []host.File
	g, gctx := errgroup.WithContext(ctx)
	asked := names
	if m.node() {
		asked = append(slices.Clone(names), slice)
	}
	g.Go(func() (err error) { units, err = h.Units(gctx, asked); return err })
	g.Go(func() (err error) { files, err = h.Files(gctx, queries); return err })
	if m.node() {
		g.Go(func() (err error) { r.pods, err = h.Pods(gctx); return err })
		g.Go(func() (err error) { r.mounts, err = m.podMounts(gctx, h); return err })
	}
	if err := g.Wait(); err != nil {
		return r, err
	}
	if m.node() {
		if s := units[len(names)]; change.StateOf(s).Runs() {
			r.slice = &s
		}
		units = units[:len(names)]
	}
	for i, u := range units {
		if isOurs(u, files[i]) && (change.StateOf(u).Runs() || u.Enabled == change.Serving.Enabled) {
			r.units = append(r.units, u)
		}
	}
	return r, nil
}

// units are the names of the services, in the order of stopping.
func (m Stop) units() []string {
	var names []string
	for _, o := range m.Owns {
		if o.Kind == change.Unit {
			names = append(names, o.Item)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a), slices.Index(order, b)), cmp.Compare(a, b))
	})
	return names
}

// node tells if pods of this host are ours to end.
func (m Stop) node() bool {
	return slices.ContainsFunc(m.Owns, func(o Owned) bool {
		return o.Kind == change.Unit && (o.Item == "kubelet.service" || o.Item == runtime)
	})
}

// isOurs tells a service of pmkctl from one of the same name that was there
// before, and may be back: by its unit file, or, if somebody removed that,
// by where systemd has it from.
func isOurs(u host.Unit, f host.File) bool {
	if f.Type == host.Absent {
		return u.Path == change.UnitFile(u.Name)
	}
	return bytes.Contains(f.Content, mark)
}

// podMounts are the paths that the kubelet and containerd mounted, the last
// one first. What an administrator mounted, such as a disk at
// /var/lib/kubelet, stays.
func (m Stop) podMounts(ctx context.Context, h host.Host) ([]string, error) {
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, mount := range slices.Backward(mounts) {
		if isPodMount(mount.Path) && !(m.Others && isBelow(mount.Path, netns)) {
			paths = append(paths, mount.Path)
		}
	}
	return paths, nil
}

// podMountPatterns are what such paths begin with.
var podMountPatterns = []string{
	"/var/lib/kubelet/pods/*/",
	"/var/lib/kubelet/plugins/*/",
	"/run/containerd/io.containerd.runtime.v2.task/k8s.io/*/",
	"/run/containerd/io.containerd.grpc.v1.cri/*/",
	netns + "/cni-*",
	"/var/lib/containerd/tmpmounts/*",
}

func isPodMount(p string) bool {
	return slices.ContainsFunc(podMountPatterns, func(pattern string) bool {
		parts := strings.SplitN(p, "/", strings.Count(pattern, "/")+2)
		if strings.HasSuffix(pattern, "/") {
			if len(parts) <= strings.Count(pattern, "/") {
				return false
			}
			parts = parts[:strings.Count(pattern, "/")]
			pattern = strings.TrimSuffix(pattern, "/")
		}
		ok, _ := path.Match(pattern, strings.Join(parts, "/")) // the patterns are good
		return ok
	})
}

// Apply stops the kubelet before pods, so that nobody starts them again, and
// containerd last: it knows how to clean up behind a container. Pods end
// before all else: an API server waits up to a minute for those who watch.
// What is left is ended and unmounted then. Volumes are unmounted, never
// emptied.
func (m Stop) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	for _, name := range m.units() {
		if d.Touches(name) {
			if err := stop(ctx, h, name); err != nil {
				return err
			}
		}
		if name == order[0] && d.Touches(podsItem) {
			if err := h.KillPods(ctx, grace); err != nil {
				return err
			}
		}
	}
	// Before systemd 257, systemd tells of what was disabled just now as it
	// was, until the reload; since then it says that all units need one.
	if err := h.Unit(ctx, "", host.Reload); err != nil {
		return fmt.Errorf("daemon-reload: %w", err)
	}
	return m.endPods(ctx, h, d)
}

// endPods ends what is left, and takes away its mounts, also those that were
// not there yet when somebody looked.
func (m Stop) endPods(ctx context.Context, h host.Host, d change.Diff) error {
	if !m.node() {
		return nil
	}
	pods, err := h.Pods(ctx)
	if err != nil {
		return err
	}
	if len(pods) > 0 {
		if err := h.KillPods(ctx, grace); err != nil {
			return err
		}
	}
	paths, err := m.podMounts(ctx, h)
	if err != nil {
		return err
	}
	for _, p := range paths {
		if err := h.Unmount(ctx, p); err != nil {
			return err
		}
	}
	if d.Touches(slice) {
		if err := h.Unit(ctx, slice, host.Stop); err != nil {
			return fmt.Errorf("stop %s: %w", slice, err)
		}
	}
	return nil
}
