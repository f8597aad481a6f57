package hosttest

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// remains are what components make on a machine beside files.
type remains struct {
	mounts  []host.Mount
	pods    []host.PodProcess
	filters []filter
}

// WithMounts mounts file systems, in order.
func WithMounts(mounts ...host.Mount) Option {
	return func(h *Host) { h.remains.mounts = append(h.remains.mounts, mounts...) }
}

// WithPods runs processes of pods.
func WithPods(pods ...host.PodProcess) Option {
	return func(h *Host) { h.remains.pods = append(h.remains.pods, pods...) }
}

// WithFilters adds parts of a packet filter to the kernel: whole tables, or
// chains of a table.
func WithFilters(filters ...host.Filter) Option {
	return func(h *Host) {
		for _, f := range filters {
			h.remains.filters = append(h.remains.filters, filter{f})
		}
	}
}

// Mounts implements host.Reader.
func (h *Host) Mounts(ctx context.Context) ([]host.Mount, error) {
	var out []host.Mount
	err := h.read(ctx, "Mounts", "", func() error {
		out = slices.Clone(h.remains.mounts)
		return nil
	})
	return out, err
}

// Pods implements host.Reader.
func (h *Host) Pods(ctx context.Context) ([]host.PodProcess, error) {
	var out []host.PodProcess
	err := h.read(ctx, "Pods", "", func() error {
		out = slices.Clone(h.remains.pods)
		return nil
	})
	return out, err
}

// Trees implements host.Reader.
func (h *Host) Trees(ctx context.Context, paths []string) ([]host.Tree, error) {
	var out []host.Tree
	err := h.read(ctx, "Trees", strings.Join(paths, " "), func() error {
		for _, p := range paths {
			t := host.Tree{Path: p}
			for _, q := range h.tree.below(p) {
				if n := h.tree.get(q); n.kind != host.Dir {
					t.Files++
					t.Bytes += int64(len(n.content))
				}
			}
			out = append(out, t)
		}
		return nil
	})
	return out, err
}

// below returns a path, if it exists, and all below it, the deepest first.
func (t *tree) below(p string) []string {
	var out []string
	for _, name := range t.children(p) {
		out = append(out, t.below(path.Join(p, name))...)
	}
	if t.get(p) != nil {
		out = append(out, p)
	}
	return out
}

// Filters implements host.Reader. A whole table must be named. Chains match
// any query that has chains.
func (h *Host) Filters(ctx context.Context, q host.FilterQuery) ([]host.Filter, error) {
	var out []host.Filter
	err := h.read(ctx, "Filters", "", func() error {
		for _, f := range h.remains.filters {
			if f.asked(q) {
				out = append(out, f.Filter)
			}
		}
		return nil
	})
	return out, err
}

type filter struct{ host.Filter }

func (f filter) asked(q host.FilterQuery) bool {
	return f.Whole && slices.Contains(q.Tables, f.Table) || !f.Whole && len(q.Chains) > 0
}

// RemoveTree implements host.Writer.
func (h *Host) RemoveTree(ctx context.Context, t host.TreeSpec) error {
	return h.change(ctx, "RemoveTree", t.Path, func() error {
		if !path.IsAbs(t.Path) || path.Clean(t.Path) != t.Path || t.Path == "/" || h.tree.base[t.Path] != nil {
			return fmt.Errorf("remove %q: that is no path of a tree that may be removed", t.Path)
		}
		if !slices.ContainsFunc(t.Within, func(w string) bool { return t.Path == w || strings.HasPrefix(t.Path, w+"/") }) {
			return fmt.Errorf("remove %s: it is not within %s", t.Path, strings.Join(t.Within, ", "))
		}
		mounted := false
		for _, m := range h.remains.mounts {
			rest, below := strings.CutPrefix(m.Path, t.Path+"/")
			name, _, _ := strings.Cut(rest, "/")
			if below && !slices.Contains(t.Keep, name) {
				return fmt.Errorf("remove %s: %s is mounted below it", t.Path, m.Path)
			}
			mounted = mounted || m.Path == t.Path
		}
		for _, p := range h.tree.below(t.Path) {
			rest, _ := strings.CutPrefix(p, t.Path+"/")
			name, _, _ := strings.Cut(rest, "/")
			if slices.Contains(t.Keep, name) || p == t.Path && (mounted || len(t.Keep) > 0) {
				continue
			}
			h.tree.put(p, nil)
		}
		h.moved = h.moved || strings.HasPrefix(t.Path, "/etc/cni/net.d")
		return nil
	})
}

// Unmount implements host.Writer. A volume is in use while pods run.
func (h *Host) Unmount(ctx context.Context, p string) error {
	return h.change(ctx, "Unmount", p, func() error {
		for i := len(h.remains.mounts) - 1; i >= 0; i-- {
			m := h.remains.mounts[i].Path
			if strings.HasPrefix(m, p+"/") || m == p && len(h.remains.pods) > 0 {
				return fmt.Errorf("unmount %s: %w", p, syscall.EBUSY)
			}
			if m == p {
				h.remains.mounts = slices.Delete(h.remains.mounts, i, i+1)
				return nil
			}
		}
		return nil
	})
}

// KillPods implements host.Writer. It takes no time.
func (h *Host) KillPods(ctx context.Context, grace time.Duration) error {
	return h.change(ctx, "KillPods", grace.String(), func() error {
		if u := h.units["kubelet.service"]; u != nil && u.active == "active" && len(h.remains.pods) > 0 {
			return fmt.Errorf("end pods: the kubelet starts them again")
		}
		h.remains.pods = nil
		return nil
	})
}

// DeleteLink implements host.Writer. It deletes the routes of the interface
// too.
func (h *Host) DeleteLink(ctx context.Context, name string) error {
	return h.change(ctx, "DeleteLink", name, func() error {
		h.network.Links = slices.DeleteFunc(slices.Clone(h.network.Links), func(l host.NetLink) bool { return l.Name == name })
		h.network.Routes = slices.DeleteFunc(slices.Clone(h.network.Routes), func(r host.NetRoute) bool { return r.Dev == name })
		return nil
	})
}

// DeleteRoute implements host.Writer.
func (h *Host) DeleteRoute(ctx context.Context, r host.NetRoute) error {
	return h.change(ctx, "DeleteRoute", r.Dst, func() error {
		h.network.Routes = slices.DeleteFunc(slices.Clone(h.network.Routes), func(o host.NetRoute) bool {
			return o.Dst == r.Dst && o.Via == r.Via && o.Dev == r.Dev
		})
		return nil
	})
}

// ClearFilters implements host.Writer.
func (h *Host) ClearFilters(ctx context.Context, q host.FilterQuery) error {
	return h.change(ctx, "ClearFilters", strings.Join(append(slices.Clone(q.Chains), q.Tables...), " "), func() error {
		h.remains.filters = slices.DeleteFunc(h.remains.filters, func(f filter) bool { return f.asked(q) })
		return nil
	})
}

// describe returns the lines of a snapshot.
func (l remains) describe() string {
	var b strings.Builder
	for _, m := range l.mounts {
		fmt.Fprintf(&b, "mount %s %s\n", m.Path, m.Type)
	}
	for _, p := range l.pods {
		fmt.Fprintf(&b, "pod process %s\n", p.Name)
	}
	for _, f := range l.filters {
		fmt.Fprintf(&b, "filter %s %s %s %d\n", f.Kind, f.Family, f.Table, f.Chains)
	}
	return b.String()
}

// virtual returns the interfaces that programs made, as a snapshot shows
// them.
func virtual(n host.Network) string {
	var b strings.Builder
	for _, l := range n.Links {
		if l.Type != "device" {
			fmt.Fprintf(&b, "link %s %s\n", l.Name, l.Type)
		}
	}
	return b.String()
}
