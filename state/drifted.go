package state

import (
	"context"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// nothing is the Was of a thing that did not exist before.
const nothing = "nothing"

// wrote returns what a change writes, as the record keeps it.
func wrote(c change.Change) (sha256, want string) {
	switch {
	case c.Content() == change.Written:
		return digest(c.Want), ""
	case c.IsFile(), c.Manifest:
		return c.SHA256, ""
	}
	return c.SHA256, c.Want
}

// was returns what stood there before the step that runs now or, if steps
// were interrupted before it, before the first of them.
func (o Owned) was(ours bool) string {
	switch {
	case !ours:
		return nothing
	case o.Was != "":
		return o.Was
	case o.SHA256 != "":
		return o.SHA256
	}
	return o.Want
}

// settle takes into the record what a step made, as it is on the host now.
// The digest of a certificate is known only there.
func (r *Record) settle(ctx context.Context, h host.FileReader, d change.Diff) error {
	var queries []host.FileQuery
	for _, c := range d {
		o, ours := r.Owns[c.Item]
		if !ours {
			continue
		}
		o.Was = ""
		r.Owns[c.Item] = o
		if c.IsFile() {
			queries = append(queries, host.FileQuery{Path: c.Item, Digest: o.Content() == change.Written || o.Content() == change.OnHost})
		}
	}
	if len(queries) == 0 {
		return nil
	}
	have, err := h.Files(ctx, queries)
	if err != nil {
		return err
	}
	for _, f := range have {
		o := r.Owns[f.Path]
		if f.SHA256 != "" {
			o.SHA256 = f.SHA256
		}
		o.Attrs = Attrs(f)
		r.Owns[f.Path] = o
	}
	return nil
}

// Attrs returns mode and owner as modules write them: "0644 root:root"; ""
// of a file that is not there.
func Attrs(f host.File) string {
	if f.Type == host.Absent {
		return ""
	}
	return change.Attrs(f.Mode, f.Owner, f.Group)
}

// drifted reports whether a change finds something else than pmkctl wrote
// last, as far as the record shows it. The effects of a step that was
// interrupted are no drift.
func (o Owned) drifted(c change.Change) bool {
	switch {
	case !c.Until.IsZero() || c.Action == change.Restart:
		return false
	case c.Action == change.Remove && c.Have == "": // a removal marks drift itself
		return false
	case c.Action == change.Add && c.Have == "": // it was removed
		return o.Was != nothing
	case c.DriftsBy() == change.ByState:
		return o.Was == "" && o.Want != "" && c.Have != o.Want
	case c.Action == change.Remove, c.Volatile:
		return false // a removal compares digests itself
	}
	return o.driftedBy(c.DriftsBy(), c)
}

func (o Owned) driftedBy(by change.Drift, c change.Change) bool {
	switch by {
	case change.ByValue:
		return o.differs(o.Want, c.Have)
	case change.ByContent:
		return c.Have != "" && o.differs(o.SHA256, digest(c.Have))
	case change.ByAttrs:
		return o.Attrs != "" && c.Have != o.Attrs
	case change.ByDigest: // of the right content with a drift of its mode alone
		ours := c.HaveSHA256 == o.SHA256 || c.HaveSHA256 == o.Was
		return c.HaveSHA256 == "" || !ours || c.HaveSHA256 == c.SHA256 && o.SHA256 == c.SHA256
	}
	return false
}

// differs reports whether have is neither what was written nor what was there
// before an interrupted step. If wrote is "", it is not known.
func (o Owned) differs(wrote, have string) bool {
	same := func(a string) bool {
		return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(have), " ")
	}
	return wrote != "" && !same(wrote) && (o.Was == "" || !same(o.Was))
}
