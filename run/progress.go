package run

import (
	"context"
	"slices"
	"sync"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/state"
)

// journals are how far interrupted applies of a plan got, by host.
type journals map[string]state.Progress

func (j journals) did(s saved.Step) bool { return j[s.RunsOn()][s.Addr] == state.Done }

// readProgress reads the records of all hosts and how far the plan came on
// them before, at once.
func (r *savedRun) readProgress(ctx context.Context) (journals, error) {
	if err := r.readRecords(ctx); err != nil {
		return nil, err
	}
	did := journals{}
	var mu sync.Mutex
	err := r.conn.each(func(name string, s host.Session) error {
		p, err := state.LoadProgress(ctx, s, r.planID)
		mu.Lock()
		defer mu.Unlock()
		if did[name] = p; r.wasCleaned(name) {
			did[name] = r.everyStepOn(name)
		}
		return err
	})
	return did, err
}

// wasCleaned reports whether a host that the plan takes out of the cluster is
// out of it: its record goes with the last step there.
func (r *savedRun) wasCleaned(name string) bool {
	i := slices.IndexFunc(r.plan.Hosts, func(h saved.Host) bool { return h.Name == name })
	return i >= 0 && r.goal.cleans(r.cluster, name) && r.plan.Hosts[i].Record.ID != "" && r.world.Records[name].Cluster.ID == ""
}

// everyStepOn is the progress of a host whose journal went with it.
func (r *savedRun) everyStepOn(host string) state.Progress {
	did := state.Progress{}
	for _, s := range r.plan.Steps {
		if s.RunsOn() == host {
			did[s.Addr] = state.Done
		}
	}
	return did
}

// noteReplaced takes from the journals which steps the plan did again
// already.
func (r *savedRun) noteReplaced(did journals) {
	for _, s := range r.plan.Steps {
		if s.Replaced && did.did(s) {
			r.compiled.Graph.WasReplaced(s.Addr)
		}
	}
}

// allDone reports whether the journals say that every one of the steps was
// done.
func allDone(pending []saved.Step, did journals) bool {
	return len(pending) > 0 && !slices.ContainsFunc(pending, func(s saved.Step) bool { return !did.did(s) })
}

// unnoted returns the steps that were cut off after their last change and
// before the journal said so.
func unnoted(pending []saved.Step, checked *executor.Checked, did journals) []saved.Step {
	var list []saved.Step
	for _, s := range pending {
		if len(checked.Diffs[s.Addr]) == 0 && !did.did(s) {
			list = append(list, s)
		}
	}
	return list
}
