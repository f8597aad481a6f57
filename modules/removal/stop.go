package removal

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/undo"
	"github.com/pmkctl/pmkctl/state"
)

// Stop ends what runs on a departing host: services, pods, and what
// components mounted for them. It removes no file.
type Stop struct {
	Record     *state.Record
	Footprints modules.Footprints
}

// slice is the kubelet's cgroup for pods. systemd keeps it when it is empty.
const slice = "kubepods.slice"

// Items of a Stop that are no units.
const (
	podsItem   = "pods"
	mountsItem = "mounts"
)

// grace is how long pods have to end by themselves. On a Node that was
// drained they have ended before.
const grace = 10 * time.Second

// mark is in every unit file of pmkctl; see modules/internal/resource.
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
	r, err := m.observe(ctx, h)
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
		d = append(d, change.OfUnit(change.Remove, slice, change.UnitState{Active: r.slice.Active}, change.UnitState{}))
	}
	if n := len(r.pods); n > 0 {
		d = append(d, change.Change{Kind: change.Unit, Action: change.Remove, Item: podsItem, Why: fmt.Sprintf("%d processes", n)})
	}
	if n := len(r.mounts); n > 0 {
		d = append(d, change.Change{Kind: change.Unit, Action: change.Remove, Item: mountsItem, Why: fmt.Sprintf("%d, of pods", n)})
	}
	return d, nil
}

// observe reads all of it at once.
func (m Stop) observe(ctx context.Context, h host.Reader) (r running, err error) {
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

// units returns the names of the services, in the order of stopping.
func (m Stop) units() []string {
	var names []string
	for item, o := range m.Record.Owns {
		if o.Kind == change.Unit {
			names = append(names, item)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(m.Footprints.Stops(a), m.Footprints.Stops(b)), cmp.Compare(a, b))
	})
	return names
}

// node reports whether pods of this host are ours to end.
func (m Stop) node() bool {
	return slices.ContainsFunc(m.units(), func(unit string) bool {
		s := m.Footprints.Stops(unit)
		return s == modules.StartsPods || s == modules.RunsPods
	})
}

// isOurs reports whether a service is pmkctl's and not one of the same name
// that was there before, and may be back. Its unit file shows it or, if
// that was removed, the place that systemd has read it from.
func isOurs(u host.Unit, f host.File) bool {
	if f.Type == host.Absent {
		return u.Path == change.UnitFile(u.Name)
	}
	return bytes.Contains(f.Content, mark)
}

// Apply stops services in their order. Once the kubelet has stopped, which
// would start pods again, pods are ended, before the other services: an API
// server waits up to a minute for clients that watch. What remains of pods is
// ended and unmounted at last. Volumes are unmounted, never emptied.
func (m Stop) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	for _, name := range m.units() {
		if d.Touches(name) {
			if err := undo.StopUnit(ctx, h, name); err != nil {
				return err
			}
		}
		if m.Footprints.Stops(name) == modules.StartsPods && d.Touches(podsItem) {
			if err := h.KillPods(ctx, grace); err != nil {
				return err
			}
		}
	}
	// Before systemd 257, systemd shows units that were just disabled as
	// enabled until the reload; since then it says that all units need one.
	if err := h.Unit(ctx, "", host.Reload); err != nil {
		return fmt.Errorf("daemon-reload: %w", err)
	}
	return m.endPods(ctx, h, d)
}

// endPods ends the pods that remain, and removes their mounts, also those
// that Check did not see yet.
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
