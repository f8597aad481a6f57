package removal

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// Owned is one thing that pmkctl made or changed on a host, as its record
// has it.
type Owned struct {
	Item string
	change.Kind
	SHA256   string // of the content as it was written; "" if that is not known
	Want     string // the short value that was set; "" if that is not known
	Original string // where what stood there before is kept, or its value; "" if nothing did
}

// Fate is what is to become of a thing.
type Fate string

// The fates.
const (
	Goes  Fate = "goes"  // it is there, and is removed or put back
	Gone  Fate = "gone"  // there is nothing left to do
	Stays Fate = "stays" // it is not for this package to remove
)

// A Verdict is what a look at one thing found.
type Verdict struct {
	Owned
	Fate   Fate
	Change change.Change // what a removal does; of what is gone or stays, why
}

// Items removes single things that pmkctl made, and puts back what stood
// there before. It removes no directory that holds anything else, no user,
// no object of the Kubernetes API and nothing of a kind that it does not
// know.
type Items struct{ Owns []Owned }

// Check lists what is there of them.
func (m Items) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	verdicts, err := m.Look(ctx, h)
	if err != nil {
		return nil, err
	}
	var d change.Diff
	for _, v := range verdicts {
		if v.Fate == Goes {
			d = append(d, v.Change)
		}
	}
	return d, nil
}

// Look tells of each thing what is to become of it, in one round trip:
// services first, then images, settings and files, directories last.
func (m Items) Look(ctx context.Context, h host.Host) ([]Verdict, error) {
	if len(m.Owns) == 0 {
		return nil, nil
	}
	s, err := look(ctx, h, m.Owns)
	if err != nil {
		return nil, err
	}
	var list []Verdict
	for _, o := range inOrder(m.Owns) {
		v := s.judge(o)
		if v.Fate == Goes && v.Change.Kind != change.Directory {
			s.going[o.Item] = true
		}
		list = append(list, v)
	}
	return list, nil
}

// inOrder is the order of removal: directories after what they hold.
func inOrder(owns []Owned) []Owned {
	order := []change.Kind{change.Unit, change.Image, change.Sysctl, {}, change.Directory} // {} is all others
	rank := func(o Owned) int {
		if i := slices.Index(order, o.Kind); i >= 0 {
			return i
		}
		return slices.Index(order, change.Kind{})
	}
	return slices.SortedFunc(slices.Values(owns), func(a, b Owned) int {
		if c := cmp.Compare(rank(a), rank(b)); c != 0 {
			return c
		}
		if a.Kind == change.Directory {
			return cmp.Compare(b.Item, a.Item) // the deepest first
		}
		return cmp.Compare(a.Item, b.Item)
	})
}

// judge decides on one thing.
func (s *seen) judge(o Owned) Verdict {
	c := change.Change{Kind: o.Kind, Action: change.Remove, Item: o.Item}
	switch {
	case o.Kind == change.Unit:
		return s.unit(o, c)
	case o.Kind == change.Sysctl:
		return s.sysctl(o, c)
	case o.Kind == change.KernelModule, o.Kind == change.Membership: // that ends with the record
		c.Why = "it stays loaded until the next boot"
		return Verdict{o, Gone, c}
	case o.Kind == change.Image:
		return s.image(o, c)
	case o.Kind == change.Directory && isPlain(o.Item):
		return s.dir(o, c)
	case isFile(o):
		return s.file(o, c)
	}
	c.Why = "pmkctl does not remove this"
	return Verdict{o, Stays, c}
}

// isFile reports whether a thing is a file or link at a path.
func isFile(o Owned) bool { return o.IsPath() && o.Kind != change.Directory && isPlain(o.Item) }

// isKept tells if what stood there before is where pmkctl keeps such things:
// from nowhere else is anything moved.
func isKept(o Owned) bool { return isPlain(o.Original) && isBelow(o.Original, ownDir+"/original") }

// isPlain tells if a path is one that pmkctl would write to a record.
func isPlain(p string) bool { return path.IsAbs(p) && path.Clean(p) == p && p != "/" }

// file removes a path, or puts back what stood there. An original that is
// not where it was kept was put back already. It may have the content that
// pmkctl wrote, so the digest does not tell whose it is, and it stays.
func (s *seen) file(o Owned, c change.Change) Verdict {
	f, kept := s.files[o.Item], s.files[o.Original]
	ours := o.SHA256 != "" && f.SHA256 == o.SHA256
	putBack := kept.Type != host.Absent && o.Original != ""
	switch {
	case f.Type == host.Dir, f.Type == host.Other:
		c.Why = "a " + string(f.Type) + " stands there now"
		return Verdict{o, Stays, c}
	case !putBack && f.Type == host.Absent:
		c.Why = "it is gone already"
		return Verdict{o, Gone, c}
	case !putBack && o.Original != "":
		c.Why = "what stood there before is back already"
		return Verdict{o, Gone, c}
	}
	c.Drift = f.Type == host.Regular && o.SHA256 != "" && !ours && o.Kind != change.Attr
	if putBack {
		c.Why = "what stood there before is put back"
	}
	switch {
	case c.IsText():
		c.Have = string(f.Content)
	case c.Drift:
		c.Have = fmt.Sprintf("sha256 %.12s", f.SHA256)
	}
	return Verdict{o, Goes, c}
}

// dir removes a directory that is empty by then. One that was there before
// gets its mode and owner back.
func (s *seen) dir(o Owned, c change.Change) Verdict {
	f := s.files[o.Item]
	have := change.Attrs(f.Mode, f.Owner, f.Group)
	_, was := parseAttrs(o.Item, o.Original)
	switch {
	case f.Type == host.Absent:
		c.Why = "it is gone already"
		return Verdict{o, Gone, c}
	case f.Type != host.Dir || was && have == o.Original:
		c.Why = "it is as it was before"
		return Verdict{o, Gone, c}
	case was:
		c.Have, c.Why = have, "it was there before: gets "+o.Original+" back"
		return Verdict{o, Goes, c}
	}
	for _, e := range f.Entries {
		if !s.going[path.Join(o.Item, e)] {
			c.Why = "it is not empty"
			return Verdict{o, Stays, c}
		}
	}
	s.going[o.Item] = true
	c.Have = have
	return Verdict{o, Goes, c}
}

// unit stops and disables a service. One that was there before with another
// unit file becomes what it was, once that file is back.
func (s *seen) unit(o Owned, c change.Change) Verdict {
	u := s.units[o.Item]
	state := change.StateOf(u)
	c.Unit.Have, c.Have = state, state.String()
	switch {
	case o.Original != "" && s.fileIsBack(o.Item) && state.String() == o.Original && !u.Unread:
		c.Why = "it is as it was before"
		return Verdict{o, Gone, c}
	case o.Original != "":
		c.Why = "becomes what it was before: " + o.Original
		return Verdict{o, Goes, c}
	case state.Runs() || u.Enabled == change.Serving.Enabled || u.Unread:
		return Verdict{o, Goes, c}
	}
	c.Why = "it is gone already"
	return Verdict{o, Gone, c}
}

// fileIsBack tells if a unit's file is not pmkctl's any more.
func (s *seen) fileIsBack(unit string) bool {
	o, owned := s.owned[change.UnitFile(unit)]
	return !owned || s.file(o, change.Change{}).Fate == Gone
}

// sysctl sets a sysctl back, if it still has pmkctl's value.
func (s *seen) sysctl(o Owned, c change.Change) Verdict {
	have, known := s.sysctls[o.Item]
	same := func(a, b string) bool { return slices.Equal(strings.Fields(a), strings.Fields(b)) }
	switch {
	case !known || o.Original == "":
		c.Why = "nobody knows what it was before"
	case same(have, original(o)):
		c.Why = "it is as it was before"
	case o.Want != "" && !same(have, o.Want):
		c.Why = "somebody else has set it to " + have
	default:
		c.Have, c.Why = have, "set back to "+o.Original
		return Verdict{o, Goes, c}
	}
	return Verdict{o, Gone, c}
}

func (s *seen) image(o Owned, c change.Change) Verdict {
	switch {
	case s.imagesDown:
		c.Why = "containerd does not run"
		return Verdict{o, Stays, c}
	case slices.Contains(s.images, o.Item):
		return Verdict{o, Goes, c}
	}
	c.Why = "it is gone already"
	return Verdict{o, Gone, c}
}
