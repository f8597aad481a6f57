package membership

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/state"
)

// Purge is the module that removes pmkctl's own directory from a host that
// was cleaned: the last step there, after which nothing is noted on the host.
// The record goes last, so that the next run finds a host again where a purge
// was interrupted.
type Purge struct{}

// agentDir holds the agent's own executable, which a plan brings back at
// once. It is removed with the rest, but is no reason to begin.
const agentDir = "agent"

// Check lists what is in the directory.
func (Purge) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	exists, names, err := entries(ctx, h)
	if err != nil || !exists || slices.Equal(names, []string{agentDir}) {
		return nil, err
	}
	// A purge removes the record last, so a host without it has lost it.
	has := func(p string) bool { return slices.Contains(names, path.Base(p)) }
	if !has(state.RecordPath) && (has(state.OriginalDir) || has(state.JournalPath)) {
		return nil, fmt.Errorf("%s is gone, and without it nobody knows what to stop and remove here, nor where the files in %s stood: restore it from a backup, or clean the host by hand and move %s away",
			state.RecordPath, state.OriginalDir, state.Dir)
	}
	return change.Diff{{Kind: change.Directory, Action: change.Remove, Item: state.Dir, Why: "record, journal, what stood here before, agent"}}, nil
}

// Apply removes the directory.
func (Purge) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	k, err := state.KeeperOf(ctx)
	if err != nil {
		return err
	}
	k.Purge()
	_, names, err := entries(ctx, h)
	if err != nil {
		return err
	}
	record := path.Base(state.RecordPath)
	for _, n := range names {
		if n == record {
			continue
		}
		if err := h.RemoveTree(ctx, host.TreeSpec{Path: path.Join(state.Dir, n), Within: []string{state.Dir}}); err != nil {
			return err
		}
	}
	if err := h.Remove(ctx, state.RecordPath); err != nil {
		return fmt.Errorf("remove %s: %w", state.RecordPath, err)
	}
	return h.RemoveTree(ctx, host.TreeSpec{Path: state.Dir, Within: []string{state.Dir}})
}

// entries returns the names in the directory.
func entries(ctx context.Context, h host.FileReader) (exists bool, names []string, err error) {
	files, err := h.Files(ctx, []host.FileQuery{{Path: state.Dir, List: true}})
	if err != nil {
		return false, nil, fmt.Errorf("read %s: %w", state.Dir, err)
	}
	return files[0].Type != host.Absent, files[0].Entries, nil
}
