package state

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pmkctl/pmkctl/address"
)

// An Entry is a line of a host's journal. An intent is synced before the
// first change of a step and a result after the last, so the journal shows
// which steps were interrupted.
type Entry struct {
	Time time.Time    `json:"time"` // the controller's clock
	Run  string       `json:"run"`
	Plan string       `json:"plan,omitempty"` // id of the saved plan that asked for it
	Step address.Addr `json:"step"`
	What What         `json:"what"`
	Err  string       `json:"err,omitempty"`
}

// What is how far a step has come.
type What string

// What an entry may have.
const (
	Intent What = "intent"
	Done   What = "done"
	Failed What = "failed"
)

// note appends an entry to the journal.
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
