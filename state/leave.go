package state

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/removal"
)

// Stop ends what runs on the record's host.
func (r *Record) Stop() removal.Stop {
	return removal.Stop{Owns: r.owned(), Others: r.Clean().Others()}
}

// Clean takes what is of the cluster off the record's host. Of a host that
// is no member there is nothing to take.
func (r *Record) Clean() removal.Clean {
	c := removal.Clean{Owns: r.owned(), Before: r.Before, PodCIDR: r.Cluster.Immutable["pod_cidr"], Network: r.Network}
	for item, o := range r.Owns {
		// etcd writes in a directory that the spec may name. Those above it, which
		// nobody named, have no Want.
		if o.Kind == change.Directory && o.Original == "" && o.Want != "" && o.Step.Module == "etcd" && !strings.HasPrefix(item, "/etc/") {
			c.Data = append(c.Data, item)
		}
	}
	slices.Sort(c.Data)
	if len(c.Owns) > 0 {
		c.Settings = r.Settings
	}
	return c
}

// owned is what pmkctl owns, as removal has it, sorted.
func (r *Record) owned() []removal.Owned {
	var list []removal.Owned
	for _, item := range slices.Sorted(maps.Keys(r.Owns)) {
		o := r.Owns[item]
		list = append(list, removal.Owned{Item: item, Kind: o.Kind, SHA256: o.SHA256, Want: o.Want, Original: o.Original})
	}
	return list
}

// forget drops what a step removed. A unit is dropped with its file: one that
// was only stopped may have to become what it was before pmkctl.
func (r *Record) forget(d change.Diff) {
	for _, c := range d {
		if c.Action == change.Remove && c.Kind != change.Unit {
			delete(r.Owns, c.Item)
		}
	}
	for _, c := range d {
		if _, file := r.Owns[change.UnitFile(c.Item)]; c.Action == change.Remove && c.Kind == change.Unit && !file {
			delete(r.Owns, c.Item)
		}
	}
}

// parents takes ownership of the directories that will be made for what d
// adds, above those that are in a diff.
func (k *Keeper) parents(ctx context.Context, step address.Step, d change.Diff) error {
	var queries []host.FileQuery
	asked := map[string]bool{}
	for _, c := range d {
		if !c.IsPath() || c.Action == change.Remove || c.Item == "" {
			continue
		}
		for dir := path.Dir(c.Item); strings.Count(dir, "/") > 1 && !asked[dir] && !d.Touches(dir); dir = path.Dir(dir) {
			if _, ours := k.record.Owns[dir]; ours || dir == Dir || strings.HasPrefix(dir, Dir+"/") {
				break
			}
			asked[dir] = true
			queries = append(queries, host.FileQuery{Path: dir})
		}
	}
	if len(queries) == 0 {
		return nil
	}
	have, err := k.Host.Files(ctx, queries)
	if err != nil {
		return err
	}
	for _, f := range have {
		if f.Type == host.Absent {
			k.record.Owns[f.Path] = Owned{Kind: change.Directory, Step: step}
		}
	}
	return nil
}

// Leave removes pmkctl's own directory from a host that was cleaned: the last
// step there, after which nothing is noted on it. The record goes last, so
// that a host where this was cut off is found again.
type Leave struct {
	Keeper *Keeper // of this host; nil while only checking
}

// stays is what a look at the host would bring back at once: the agent's own
// executable. It goes with the rest, but is no reason to begin.
const stays = "agent"

// Check lists what is in the directory.
func (m *Leave) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	there, names, err := entries(ctx, h)
	if err != nil || !there || slices.Equal(names, []string{stays}) {
		return nil, err
	}
	// The record goes last, so here it was lost.
	has := func(p string) bool { return slices.Contains(names, path.Base(p)) }
	if !has(RecordPath) && (has(originalDir) || has(JournalPath)) {
		return nil, fmt.Errorf("%s is gone, and without it nobody knows what to stop and remove here, nor where the files in %s stood: restore it from a backup, or clean the host by hand and move %s away",
			RecordPath, originalDir, Dir)
	}
	return change.Diff{{Kind: change.Directory, Action: change.Remove, Item: Dir, Why: "record, journal, what stood here before, agent"}}, nil
}

// Apply removes the directory.
func (m *Leave) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	if m.Keeper != nil {
		m.Keeper.leave()
	}
	_, names, err := entries(ctx, h)
	if err != nil {
		return err
	}
	record := path.Base(RecordPath)
	for _, n := range names {
		if n == record {
			continue
		}
		if err := h.RemoveTree(ctx, host.TreeSpec{Path: Dir + "/" + n, Within: []string{Dir}}); err != nil {
			return err
		}
	}
	if err := h.Remove(ctx, RecordPath); err != nil {
		return fmt.Errorf("remove %s: %w", RecordPath, err)
	}
	return h.RemoveTree(ctx, host.TreeSpec{Path: Dir, Within: []string{Dir}})
}

// entries are the names in the directory, if it is there.
func entries(ctx context.Context, h host.Host) (there bool, names []string, err error) {
	files, err := h.Files(ctx, []host.FileQuery{{Path: Dir, List: true}})
	if err != nil {
		return false, nil, fmt.Errorf("read %s: %w", Dir, err)
	}
	return files[0].Type != host.Absent, files[0].Entries, nil
}

// leave ends the keeping.
func (k *Keeper) leave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left = true
}
