package state

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/host"
)

// maxJournal is the size in bytes at which a journal becomes the older one. A
// run adds tens of kilobytes, and files are read up to 1 MiB.
const maxJournal = 512 << 10

// rotate begins a new journal if the current one is long. That one is kept
// as the older journal and replaces the one before it.
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
// A step that is not in it never started.
type Progress map[address.Addr]What

// LoadProgress reads from a host's journal what was done for a saved plan. It
// ignores lines that were not written in full.
func LoadProgress(ctx context.Context, h host.FileReader, plan string) (Progress, error) {
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

// parseEntry reads a line. After a power cut, a part of an earlier entry may
// stand before it.
func parseEntry(line []byte) (e Entry, ok bool) {
	if i := bytes.LastIndex(line, []byte(`{"time":"`)); i > 0 {
		line = line[i:]
	}
	return e, json.Unmarshal(line, &e) == nil
}
