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

// journals hold how far interrupted applies of a plan got, by host.
type journals map[string]state.Progress

func (j journals) did(s saved.Step) bool { return j[s.RunsOn()][s.Addr] == state.Done }

// readProgress reads the records of all hosts, and how far interrupted applies
// of the plan got on them.
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

// wasCleaned reports whether an interrupted apply of the plan has cleaned a
// host completely: the last step there deletes its record.
func (r *savedRun) wasCleaned(name string) bool {
	i := slices.IndexFunc(r.plan.Hosts, func(h saved.Host) bool { return h.Name == name })
	return i >= 0 && r.goal.cleans(r.cluster, name) && r.plan.Hosts[i].Record.ID != "" && r.world.Records[name].Cluster.ID == ""
}

// everyStepOn returns the progress of a cleaned host, whose journal is deleted:
// all its steps are done.
func (r *savedRun) everyStepOn(host string) state.Progress {
	did := state.Progress{}
	for _, s := range r.plan.Steps {
		if s.RunsOn() == host {
			did[s.Addr] = state.Done
		}
	}
	return did
}

// noteReplaced marks in the graph the steps that an interrupted apply has
// already replaced.
func (r *savedRun) noteReplaced(did journals) {
	for _, s := range r.plan.Steps {
		if s.Replaced && did.did(s) {
			r.compiled.Graph.WasReplaced(s.Addr)
		}
	}
}

// allDone reports whether all of the steps are done, by the journals.
func allDone(pending []saved.Step, did journals) bool {
	return len(pending) > 0 && !slices.ContainsFunc(pending, func(s saved.Step) bool { return !did.did(s) })
}

// unnoted returns the steps that were interrupted after their last change and
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
