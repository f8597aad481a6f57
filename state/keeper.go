package state

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"
	"sync"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// A Keeper keeps the record and the journal of one host during an apply.
// Steps of the host may use it at once.
type Keeper struct {
	Host host.Host
	Run  string
	Plan string // id of a saved plan; "" for an apply without one

	mu     sync.Mutex
	record *Record
	purged bool // the record is removed: nothing is noted any more
}

// NewKeeper begins with the record as it was loaded.
func NewKeeper(h host.Host, run string, r *Record) *Keeper {
	return &Keeper{Host: h, Run: run, record: r.clone()}
}

type keeperKey struct{}

// WithKeeper gives the module that is applied under ctx the keeper of its
// host's record.
func WithKeeper(ctx context.Context, k *Keeper) context.Context {
	return context.WithValue(ctx, keeperKey{}, k)
}

// KeeperOf returns the keeper of the record of the host that a module is
// applied to. There is none while a module is only checked.
func KeeperOf(ctx context.Context) (*Keeper, error) {
	if k, ok := ctx.Value(keeperKey{}).(*Keeper); ok && k != nil {
		return k, nil
	}
	return nil, errors.New("find the record of the host: no keeper was given to this step")
}

// Begin keeps the originals of what step is about to overwrite, takes
// ownership and notes the intent. It may be repeated: an original that is
// already kept is not replaced.
func (k *Keeper) Begin(ctx context.Context, step address.Addr, d change.Diff) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.parents(ctx, step, d); err != nil {
		return err
	}
	for _, item := range k.record.adopt(step, d) {
		if err := k.keep(ctx, item); err != nil {
			return fmt.Errorf("keep the original of %s: %w", item, err)
		}
	}
	if err := k.record.Save(ctx, k.Host); err != nil {
		return err
	}
	return k.note(ctx, Entry{Step: step, What: Intent})
}

// End notes how the step ended, and drops what it removed from the record.
func (k *Keeper) End(ctx context.Context, step address.Addr, d change.Diff, err error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.purged {
		return nil
	}
	if err != nil {
		return k.note(ctx, Entry{Step: step, What: Failed, Err: err.Error()})
	}
	before := maps.Clone(k.record.Owns)
	k.record.drop(d)
	if err := k.record.settle(ctx, k.Host, d); err != nil {
		return fmt.Errorf("look at what %s made: %w", step, err)
	}
	if !maps.Equal(before, k.record.Owns) {
		if err := k.record.Save(ctx, k.Host); err != nil {
			return err
		}
	}
	return k.note(ctx, Entry{Step: step, What: Done})
}

// Use calls f with the record, while no other step uses it. f saves what it
// changes.
func (k *Keeper) Use(f func(*Record) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return f(k.record)
}

// Purge ends the keeping, before the record itself is removed: nothing is
// noted on the host any more.
func (k *Keeper) Purge() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.purged = true
}

// parents takes ownership of the directories that are made for what d adds,
// above the directories of d itself.
func (k *Keeper) parents(ctx context.Context, step address.Addr, d change.Diff) error {
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

// keep copies a file to its OriginalPath, with mode and owner.
func (k *Keeper) keep(ctx context.Context, item string) error {
	to := OriginalPath(item)
	have, err := k.Host.Files(ctx, []host.FileQuery{{Path: item}, {Path: to}})
	if err != nil {
		return err
	}
	if have[0].Type == host.Absent || have[1].Type != host.Absent {
		return nil
	}
	if err := k.Host.MakeDir(ctx, host.DirSpec{Path: path.Dir(to), Mode: 0o700}); err != nil {
		return err
	}
	// A temporary name first: an interrupted copy must not pass for the original.
	if _, err := k.Host.Run(ctx, []string{"cp", "-a", "--", item, to + ".part"}, nil); err != nil {
		return err
	}
	_, err = k.Host.Run(ctx, []string{"mv", "--", to + ".part", to}, nil)
	return err
}
