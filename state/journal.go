package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/removal"
)

// An Entry is a line of a host's journal. An intent is synced before the
// first change of a step and a result after the last, so what was cut off
// can be told from what was done.
type Entry struct {
	Time time.Time    `json:"time"` // the controller's clock
	Run  string       `json:"run"`
	Plan string       `json:"plan,omitempty"` // id of the saved plan that asked for it
	Step address.Step `json:"step"`
	What What         `json:"what"`
	Err  string       `json:"err,omitempty"`
}

// What is how far a step has come.
type What string

// What an entry may say.
const (
	Intent What = "intent"
	Done   What = "done"
	Failed What = "failed"
)

// A Keeper keeps the record and the journal of one host during an apply.
// Steps of the host may use it at once.
type Keeper struct {
	Host host.Host
	Run  string
	Plan string // id of a saved plan; "" for an apply without one

	mu     sync.Mutex
	record *Record
	left   bool // the record is gone: nothing is noted any more
}

// NewKeeper begins with the record as it was loaded.
func NewKeeper(h host.Host, run string, r *Record) *Keeper {
	return &Keeper{Host: h, Run: run, record: r.clone()}
}

// Begin keeps what stood where step is about to write, takes ownership and
// notes the intent. It may be repeated: an original that is kept already
// stays.
func (k *Keeper) Begin(ctx context.Context, step address.Step, d change.Diff) error {
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

// End notes how the step ended, and forgets what it removed.
func (k *Keeper) End(ctx context.Context, step address.Step, d change.Diff, err error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left {
		return nil
	}
	if err != nil {
		return k.note(ctx, Entry{Step: step, What: Failed, Err: err.Error()})
	}
	before := maps.Clone(k.record.Owns)
	k.record.forget(d)
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

// Join makes the host a member of a cluster.
func (k *Keeper) Join(ctx context.Context, c Cluster, name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.Host.MakeDir(ctx, host.DirSpec{Path: Dir, Mode: 0o755}); err != nil {
		return fmt.Errorf("make %s: %w", Dir, err)
	}
	if k.record.Cluster.ID == "" {
		stood, err := k.Host.Files(ctx, removal.PlaceQueries())
		if err != nil {
			return fmt.Errorf("look at what is there: %w", err)
		}
		k.record.Before = removal.Stood(stood)
		if k.record.Settings, err = k.Host.Sysctls(ctx, removal.SettingNames()); err != nil {
			return fmt.Errorf("look at what is set: %w", err)
		}
		if k.record.Network, err = removal.Networks(ctx, k.Host); err != nil {
			return fmt.Errorf("look at the network: %w", err)
		}
	}
	k.record.Cluster, k.record.Host = c, name
	return k.record.Save(ctx, k.Host)
}

func (k *Keeper) note(ctx context.Context, e Entry) error {
	e.Time, e.Run, e.Plan = time.Now().UTC(), k.Run, k.Plan
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := k.rotate(ctx); err != nil {
		return err
	}
	if err := k.Host.Append(ctx, JournalPath, append(line, '\n')); err != nil {
		return fmt.Errorf("append to %s: %w", JournalPath, err)
	}
	return nil
}

// keep copies what stands at item under original/, with mode and owner.
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
	// A temporary name first: a copy that was cut off must not pass for the original.
	if _, err := k.Host.Run(ctx, []string{"cp", "-a", "--", item, to + ".part"}, nil); err != nil {
		return err
	}
	_, err = k.Host.Run(ctx, []string{"mv", "--", to + ".part", to}, nil)
	return err
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
