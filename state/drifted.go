package state

import (
	"context"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// nothing is what Was says of what was not there.
const nothing = "nothing"

// wrote is what a change writes, as the record keeps it.
func wrote(c change.Change) (sha256, want string) {
	switch {
	case c.Content() == change.Written:
		return digest(c.Want), ""
	case c.IsFile(), c.Manifest:
		return c.SHA256, ""
	}
	return c.SHA256, c.Want
}

// was is what stood there before the step that is under way, or before the
// first of several that were cut off.
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

// settle takes into the record what a step made, as it is on the host now:
// of certificates only that tells the digest.
func (r *Record) settle(ctx context.Context, h host.Host, d change.Diff) error {
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

// Attrs is mode and owner as modules write them: "0644 root:root".
func Attrs(f host.File) string {
	if f.Type == host.Absent {
		return ""
	}
	return change.Attrs(f.Mode, f.Owner, f.Group)
}

// drifted tells if a change finds something else than pmkctl wrote last, as
// far as the record can tell. What a step that was cut off left is no drift.
func (o Owned) drifted(c change.Change) bool {
	switch {
	case !c.Until.IsZero() || c.Action == change.Restart:
		return false
	case c.Action == change.Remove && c.Have == "": // removal says itself what somebody changed
		return false
	case c.Action == change.Add && c.Have == "": // it is gone
		return o.Was != nothing
	case c.DriftsBy() == change.ByState:
		return o.Was == "" && o.Want != "" && c.Have != o.Want
	case c.Action == change.Remove, c.Volatile:
		return false // modules/removal compares digests by itself
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

// differs compares what is there with what was written; an empty one is not
// known.
func (o Owned) differs(wrote, have string) bool {
	same := func(a string) bool {
		return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(have), " ")
	}
	return wrote != "" && !same(wrote) && (o.Was == "" || !same(o.Was))
}
