package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// A Drift is a thing on a host that somebody changed after pmkctl.
type Drift struct {
	Item string
	change.Kind
	What Difference
	Was  string
	Is   string // both are short values; "" of content

	SHA256  string // of the content as pmkctl wrote it
	Written Entry  // when the step that owns it was done last; the zero value if no journal has it
	By      host.Provenance
}

// Difference is what differs of a drifted thing.
type Difference string

// The differences. OfType means that a thing of another type has its path.
const (
	OfContent Difference = "content"
	OfMode    Difference = "mode and owner"
	OfType    Difference = "type"
	OfValue   Difference = "value"
	OfState   Difference = "state"
	IsGone    Difference = "removed"
)

// Drift compares a host with its record, whatever the spec says, and asks the
// host who changed what differs. It takes one round trip, and another one if
// something differs. It does not compare objects of the Kubernetes API, which
// a record does not have in full.
func (r *Record) Drift(ctx context.Context, h host.Reader) ([]Drift, error) {
	found, err := r.compare(ctx, h)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var items []string
	for _, d := range found {
		items = append(items, d.Item)
	}
	var by []host.Provenance
	var written map[address.Addr]Entry
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { by, err = h.Provenance(gctx, items); return err })
	g.Go(func() (err error) { written, err = lastDone(gctx, h); return err })
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("ask who changed what: %w", err)
	}
	for i := range found {
		found[i].By, found[i].Written = by[i], written[r.Owns[found[i].Item].Step]
	}
	return found, nil
}

// lastDone returns the entry of the last time that each step was done.
func lastDone(ctx context.Context, h host.FileReader) (map[address.Addr]Entry, error) {
	files, err := h.Files(ctx, []host.FileQuery{{Path: olderJournal, Content: true}, {Path: JournalPath, Content: true}})
	if err != nil {
		return nil, err
	}
	last := map[address.Addr]Entry{}
	for _, f := range files {
		for line := range bytes.Lines(f.Content) {
			if e, ok := parseEntry(line); ok && e.What == Done {
				last[e.Step] = e
			}
		}
	}
	return last, nil
}

// observed is what is on the host of what the record owns.
type observed struct {
	files    map[string]host.File
	units    map[string]host.Unit
	sysctls  map[string]string
	features map[string]host.KernelFeature
	users    map[string]host.User
	images   []string
	noImages bool
}

// compare finds what differs, sorted by item.
func (r *Record) compare(ctx context.Context, h host.Reader) ([]Drift, error) {
	t, err := r.observe(ctx, h)
	if err != nil {
		return nil, err
	}
	var found []Drift
	for _, item := range slices.Sorted(maps.Keys(r.Owns)) {
		o := r.Owns[item]
		for _, d := range t.differ(item, o) {
			d.Item, d.Kind, d.SHA256 = item, o.Kind, o.SHA256
			found = append(found, d)
		}
	}
	return found, nil
}

// observe reads everything at once.
func (r *Record) observe(ctx context.Context, h host.Reader) (*observed, error) {
	byKind := map[change.Kind][]string{}
	var queries []host.FileQuery
	for item, o := range r.Owns {
		if o.IsPath() {
			queries = append(queries, host.FileQuery{Path: item, Digest: o.IsFile() && o.SHA256 != ""})
		} else {
			byKind[o.Kind] = append(byKind[o.Kind], item)
		}
	}
	t := &observed{files: map[string]host.File{}, units: map[string]host.Unit{}, features: map[string]host.KernelFeature{}, users: map[string]host.User{}}
	g, ctx := errgroup.WithContext(ctx)
	ask := func(n int, f func() error) {
		if n > 0 {
			g.Go(f)
		}
	}
	ask(len(queries), func() error {
		have, err := h.Files(ctx, queries)
		for _, f := range have {
			t.files[f.Path] = f
		}
		return err
	})
	units, modprobe, users := byKind[change.Unit], byKind[change.KernelModule], byKind[change.Account]
	ask(len(units), func() error {
		have, err := h.Units(ctx, units)
		for _, u := range have {
			t.units[u.Name] = u
		}
		return err
	})
	ask(len(byKind[change.Sysctl]), func() (err error) { t.sysctls, err = h.Sysctls(ctx, byKind[change.Sysctl]); return err })
	ask(len(modprobe), func() error {
		have, err := h.KernelFeatures(ctx, modprobe)
		for _, f := range have {
			t.features[f.Name] = f
		}
		return err
	})
	ask(len(users), func() error {
		have, err := h.Users(ctx, users)
		for _, u := range have {
			t.users[u.Name] = u
		}
		return err
	})
	ask(len(byKind[change.Image]), func() (err error) {
		t.images, err = h.Images(ctx)
		if t.noImages = errors.Is(err, host.ErrUnavailable); t.noImages {
			err = nil
		}
		return err
	})
	return t, g.Wait()
}

// differ returns how one thing differs. After a step that was interrupted the
// thing is as it was before, or as the step wants it: neither is drift.
func (t *observed) differ(item string, o Owned) []Drift {
	removed := func(is bool) []Drift {
		if is && o.Was != nothing {
			return []Drift{{What: IsGone}}
		}
		return nil
	}
	value := func(what Difference, have string) []Drift {
		if o.differs(o.Want, have) {
			return []Drift{{What: what, Was: o.Want, Is: have}}
		}
		return nil
	}
	switch {
	case o.IsPath():
		return o.differsFrom(t.files[item], removed)
	case o.Kind == change.Unit:
		u := t.units[item]
		if u.Load == "not-found" || u.Load == "" {
			return removed(true)
		}
		if o.Was != "" {
			return nil
		}
		return value(OfState, change.StateOf(u).String())
	case o.Kind == change.Sysctl:
		if have, known := t.sysctls[item]; known {
			return value(OfValue, have)
		}
	case o.Kind == change.KernelModule:
		if f, known := t.features[item]; known {
			return removed(!f.Present)
		}
	case o.Kind == change.Account:
		return removed(!t.users[item].Exists)
	case o.Kind == change.Image:
		return removed(!t.noImages && !slices.Contains(t.images, item))
	}
	return nil
}

// differsFrom compares a path.
func (o Owned) differsFrom(f host.File, removed func(bool) []Drift) []Drift {
	want := host.Regular
	switch o.Kind {
	case change.Directory:
		want = host.Dir
	case change.Symlink:
		want = host.Link
	}
	switch {
	case f.Type == host.Absent:
		return removed(true)
	case f.Type != want && o.Kind != change.Attr:
		return []Drift{{What: OfType, Was: string(want), Is: string(f.Type)}}
	}
	var found []Drift
	if f.SHA256 != "" && o.differs(o.SHA256, f.SHA256) {
		found = append(found, Drift{What: OfContent})
	}
	if o.Kind == change.Symlink && o.differs(o.Want, f.Target) {
		found = append(found, Drift{What: OfValue, Was: o.Want, Is: f.Target})
	}
	attrs := o.Attrs
	if o.Kind == change.Directory {
		attrs = o.Want
	}
	if attrs != "" && o.Was == "" && Attrs(f) != attrs {
		found = append(found, Drift{What: OfMode, Was: attrs, Is: Attrs(f)})
	}
	return found
}
