package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/component"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/state"
	"github.com/pmkctl/pmkctl/view"
)

// applyPlan does what a saved plan says and nothing else. It asks nobody:
// the plan was reviewed.
func (a *app) applyPlan(ctx context.Context, name string, f applyFlags) error {
	if err := a.noSelection(); err != nil {
		return err
	}
	p, id, err := planToApply(name, f.sha256)
	if err != nil {
		return err
	}
	if err := a.reveal(p, name); err != nil {
		return err
	}
	w, err := a.openPlan(ctx, p, id)
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.sameHosts(ctx); err != nil {
		return err
	}
	if err := w.lock(ctx, f.lockTimeout); err != nil {
		return err
	}
	checked, err := w.resume(ctx, name)
	if err != nil || len(p.Pending()) == 0 {
		return err
	}
	return w.change(ctx, checked, f)
}

// openPlan connects to the plan's hosts. The caller closes it.
func (a *app) openPlan(ctx context.Context, p *saved.Plan, id string) (*work, error) {
	w := &work{app: a, cluster: p.Cluster, run: state.NewClusterID()[:8], progress: a.newProgress(), sources: &component.Sources{},
		excluded: slices.Sorted(maps.Keys(p.Left)), applies: true, destroy: p.Destroy, saved: p, planID: id}
	var hosts []*spec.Host
	for _, h := range p.Cluster.Everyone() {
		if _, left := p.Left[h.Name]; !left || p.Cluster.GivenUp(h.Name) {
			hosts = append(hosts, h)
		}
	}
	var err error
	if w.conn, err = a.connect(ctx, hosts, sshhost.Options{}, w.progress.Event); err != nil {
		w.progress.Close()
		return nil, err
	}
	if err := w.stillLost(ctx); err != nil {
		defer w.close()
		return nil, err
	}
	if err := w.unreachable(); err != nil {
		defer w.close()
		return nil, w.rekeyed(err)
	}
	return w, nil
}

// rekeyed is a refusal if a host offers another key than it had when the plan
// was made; SSH found that out. One that is merely not known here is no
// other host.
func (w *work) rekeyed(err error) error {
	for _, was := range w.saved.Hosts {
		e := (*sshhost.Error)(nil)
		ofHost := errors.As(w.conn.failed[was.Name], &e) && !strings.HasPrefix(e.Host, "bastion of ")
		if ofHost && e.Offered != "" && e.Offered != was.HostKey {
			return refusedf("%w\nThe saved plan is for the host that answered then; nothing was changed", err)
		}
	}
	return err
}

// sameHosts refuses hosts that are not those which the plan was made for.
func (w *work) sameHosts(ctx context.Context) error {
	now, err := w.answered(ctx)
	if err != nil {
		return err
	}
	var moved []string
	for _, was := range w.saved.Hosts {
		i := slices.IndexFunc(now, func(h saved.Host) bool { return h.Name == was.Name })
		if i < 0 {
			return refusedf("the plan is for a host %s that its spec does not have", was.Name)
		}
		moved = append(moved, movedHost(was, now[i])...)
	}
	return w.stale(moved)
}

func movedHost(was, is saved.Host) []string {
	var moved []string
	for _, f := range []struct{ what, was, is string }{
		{"host key", was.HostKey, is.HostKey}, {"machine-id", was.MachineID, is.MachineID}} {
		if f.was != f.is {
			moved = append(moved, fmt.Sprintf("%s: its %s was %s, is %s", was.Name, f.what, f.was, f.is))
		}
	}
	return moved
}

// stale refuses the plan if anything moved.
func (w *work) stale(moved []string) error {
	if len(moved) == 0 {
		return nil
	}
	return refusedf("the plan of %s is stale; nothing was changed. Since then moved:\n  %s\nPlan again, and review what it says.",
		view.When(w.saved.Made), strings.Join(moved, "\n  "))
}

// resume compares everything with the plan, under the lock, and returns what
// is left of it to do.
func (w *work) resume(ctx context.Context, name string) (*executor.Checked, error) {
	if err := w.readRecords(ctx); err != nil {
		return nil, err
	}
	did, err := w.readProgress(ctx)
	if err != nil {
		return nil, err
	}
	if done(w.saved, did) {
		return nil, refusedf("%s was applied already: all its steps are done; nothing was changed", name)
	}
	if err := w.stale(w.movedRecords(did)); err != nil {
		return nil, err
	}
	if err := w.graph(ctx); err != nil {
		return nil, err
	}
	w.noteReplaced(did)
	checked := w.check(ctx)
	w.progress.Hide()
	if !w.destroy {
		if err := w.showPreflight(checked); err != nil {
			return nil, err
		}
	}
	if err := w.judge(checked); err != nil {
		return nil, err
	}
	if err := w.stale(view.Moves(checked.Since(w.saved, did))); err != nil {
		return nil, err
	}
	w.tellPlan(checked)
	w.unnoted = unnoted(w.saved, checked, did)
	fmt.Fprintln(w.out, view.SummaryLine(checked.Summary()))
	return checked, nil
}

// unnoted are steps that were cut off after their last change and before the
// journal said so.
func unnoted(p *saved.Plan, checked *executor.Checked, did map[string]state.Progress) []saved.Step {
	var list []saved.Step
	for _, s := range p.Pending() {
		if len(checked.Diffs[s.Addr]) == 0 && did[s.RunsOn()][s.Addr] != state.Done {
			list = append(list, s)
		}
	}
	return list
}

// done tells if the journals say that every step of a plan was done.
func done(p *saved.Plan, did map[string]state.Progress) bool {
	pending := p.Pending()
	for _, s := range pending {
		if did[s.RunsOn()][s.Addr] != state.Done {
			return false
		}
	}
	return len(pending) > 0
}

// readProgress asks all hosts at once how far the plan came before.
func (w *work) readProgress(ctx context.Context) (map[string]state.Progress, error) {
	did := map[string]state.Progress{}
	var mu sync.Mutex
	err := w.conn.each(func(name string, s host.Session) error {
		p, err := state.LoadProgress(ctx, s, w.planID)
		mu.Lock()
		defer mu.Unlock()
		did[name] = p
		if w.hasLeft(name) {
			did[name] = allDone(w.saved, name)
		}
		return err
	})
	return did, err
}

// movedRecords are hosts whose record names another cluster than it did, or
// has another idea of it. A record that the plan itself made is as it should
// be.
func (w *work) movedRecords(did map[string]state.Progress) []string {
	var moved []string
	for _, was := range w.saved.Hosts {
		is := w.records[was.Name].Cluster
		_, begun := did[was.Name][address.Of("member", was.Name)]
		switch {
		case begun && was.Record.ID == "" && is.Name == w.cluster.Name:
		case w.hasLeft(was.Name):
		case is.ID != was.Record.ID || is.Name != was.Record.Name:
			moved = append(moved, fmt.Sprintf("%s: it was %s, is %s", was.Name, membership(was.Record), membership(is)))
		}
	}
	if w.destroy {
		return moved
	}
	for _, d := range plan.Immutable(w.cluster, w.records) {
		moved = append(moved, d.Detail)
	}
	return moved
}

func membership(c state.Cluster) string {
	if c.ID == "" {
		return "no member of a cluster"
	}
	return fmt.Sprintf("a member of cluster %s (%.8s)", c.Name, c.ID)
}

// noteDone lets the journals say so.
func (w *work) noteDone(ctx context.Context, keepers map[string]*state.Keeper) error {
	for _, s := range w.unnoted {
		if err := keepers[s.RunsOn()].End(ctx, s.Addr, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// reviewed is what a saved plan says of each step; nil without one.
func (w *work) reviewed() map[address.Step]change.Diff {
	if w.saved == nil {
		return nil
	}
	return executor.Saved(w.saved).Diffs
}
