package run

import (
	"context"
	"maps"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/terminal"
	"github.com/pmkctl/pmkctl/view/wording"
)

// A savedRun is a run that makes the changes of a saved plan and no others.
type savedRun struct {
	*Run
	plan   *saved.Plan
	planID string
	file   string
}

// ApplySaved makes the changes of a saved plan. It asks for no approval,
// because the plan was reviewed. sha256 is the digest that the plan must have;
// "" for any.
func ApplySaved(ctx context.Context, o ApplyOptions, file, sha256 string) error {
	p, id, err := planToApply(file, sha256, o.Version)
	if err != nil {
		return err
	}
	if err := o.reveal(p, file); err != nil {
		return err
	}
	r := &savedRun{plan: p, planID: id, file: file}
	if err := r.connect(ctx, o.Options); err != nil {
		return err
	}
	defer r.close()
	if err := r.sameHosts(ctx); err != nil {
		return err
	}
	if err := r.conn.lock(ctx, r.id, o.LockTimeout); err != nil {
		return err
	}
	work, err := r.resume(ctx)
	if err != nil || len(p.Pending()) == 0 {
		return err
	}
	return r.change(ctx, work, o)
}

// connect connects to the hosts of the plan.
func (r *savedRun) connect(ctx context.Context, o Options) (err error) {
	var g goal = converge{}
	if r.plan.Destroy {
		g = &destroy{}
	}
	r.Run = newRun(o, r.plan.Cluster, g, reviewed{r.plan})
	maps.Copy(r.world.Absent, r.plan.Absent)
	var hosts []*spec.Host
	for _, h := range r.cluster.AllHosts() {
		if _, absent := r.plan.Absent[h.Name]; !absent || r.cluster.GivenUp(h.Name) {
			hosts = append(hosts, h)
		}
	}
	if r.conn, err = o.connect(ctx, hosts, false); err != nil {
		return err
	}
	err = r.stillGivenUp(ctx)
	if err == nil {
		// The plan names its hosts, so none of them can be spared.
		err = r.rekeyed(r.conn.unreachable(r.cluster.AllHosts(), none))
	}
	if err != nil {
		r.close()
	}
	return err
}

// resume compares everything with the plan, after the hosts are locked, and
// returns what remains of it.
func (r *savedRun) resume(ctx context.Context) (order, error) {
	did, err := r.readProgress(ctx)
	if err != nil {
		return order{}, err
	}
	if allDone(r.plan.Pending(), did) {
		return order{}, refusedf("%s was applied already: all its steps are done; nothing was changed", r.file)
	}
	if err := r.stale(r.movedRecords(did)); err != nil {
		return order{}, err
	}
	if err := r.graph(ctx); err != nil {
		return order{}, err
	}
	r.noteReplaced(did)
	checked := r.check(ctx)
	if err := r.goal.showPreflight(r.Run, checked); err != nil {
		return order{}, err
	}
	if err := r.judge(checked); err != nil {
		return order{}, err
	}
	if err := r.stale(terminal.Moves(checked.Since(r.plan, did))); err != nil {
		return order{}, err
	}
	r.Console.EmitPlan(checked, r.cluster.AllHosts())
	return order{checked: checked, plan: r.planID, reviewed: executor.Saved(r.plan).Diffs,
			unnoted: unnoted(r.plan.Pending(), checked, did), next: "plan again to go on"},
		r.Console.Print("%s\n", wording.Summary(checked.Summary()))
}
