package state

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/host"
)

// maxJournal is the size from which a journal becomes the older one, in
// bytes. A run adds tens of kilobytes, and a file is read up to 1 MiB.
const maxJournal = 512 << 10

// rotate begins a new journal where the old one is long. The older one
// stays, the one before it goes.
func (k *Keeper) rotate(ctx context.Context) error {
	if k.record.journal < maxJournal {
		return nil
	}
	if _, err := k.Host.Run(ctx, []string{"mv", "--", JournalPath, olderJournal}, nil); err != nil {
		return fmt.Errorf("rotate %s: %w", JournalPath, err)
	}
	k.record.journal = 0
	return nil
}

// Progress is how far the steps of one plan have come on a host, by step.
// A step that is not in it was never begun.
type Progress map[address.Step]What

// LoadProgress reads from a host's journal what was done for a saved plan. A
// line that was cut off says nothing.
func LoadProgress(ctx context.Context, h host.Host, plan string) (Progress, error) {
	files, err := h.Files(ctx, []host.FileQuery{{Path: olderJournal, Content: true}, {Path: JournalPath, Content: true}})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", JournalPath, err)
	}
	p := Progress{}
	for _, f := range files {
		for line := range bytes.Lines(f.Content) {
			if e, ok := parseEntry(line); ok && e.Plan == plan && plan != "" {
				p[e.Step] = e.What
			}
		}
	}
	return p, nil
}

// parseEntry reads a line. What a power cut left of an earlier entry may
// stand before it.
func parseEntry(line []byte) (e Entry, ok bool) {
	if i := bytes.LastIndex(line, []byte(`{"time":"`)); i > 0 {
		line = line[i:]
	}
	return e, json.Unmarshal(line, &e) == nil
}
