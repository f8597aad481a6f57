package undo

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/state"
)

// Judge returns what becomes of each thing, in the order of removal.
func (s *Observed) Judge() []Verdict {
	var list []Verdict
	for _, o := range s.items.inOrder() {
		v := s.judge(o)
		if v.Fate == Remove && v.Change.Kind != change.Directory {
			s.removed[o.Item] = true
		}
		list = append(list, v)
	}
	return list
}

func (s *Observed) judge(o item) Verdict {
	c := change.Change{Kind: o.Kind, Action: change.Remove, Item: o.Item}
	switch {
	case o.Kind == change.Unit:
		return s.unit(o, c)
	case o.Kind == change.Sysctl:
		return s.sysctl(o, c)
	case o.Kind == change.KernelModule, o.Kind == change.Membership: // that ends with the record
		c.Why = "it stays loaded until the next boot"
		return verdict(Done, c)
	case o.Kind == change.Image:
		return s.image(o, c)
	case o.Kind == change.Directory && isPlain(o.Item):
		return s.dir(o, c)
	case isFile(o):
		return s.file(o, c)
	}
	c.Why = "pmkctl does not remove this"
	return verdict(Keep, c)
}

// isFile reports whether a thing is a file or link at a path.
func isFile(o item) bool { return o.IsPath() && o.Kind != change.Directory && isPlain(o.Item) }

// isKept reports whether what stood there before is where pmkctl keeps such
// things. Nothing is moved from elsewhere.
func isKept(o item) bool { return isPlain(o.Original) && Below(o.Original, state.OriginalDir) }

// isPlain reports whether a path is one that pmkctl would write to a record.
func isPlain(p string) bool { return path.IsAbs(p) && path.Clean(p) == p && p != "/" }

// file removes a path, or puts back what stood there. An original that is
// not where it was kept was put back already. Its content may be what pmkctl
// wrote, so the digest cannot show which of both it is, and it stays.
func (s *Observed) file(o item, c change.Change) Verdict {
	f, kept := s.files[o.Item], s.files[o.Original]
	ours := o.SHA256 != "" && f.SHA256 == o.SHA256
	putBack := kept.Type != host.Absent && o.Original != ""
	switch {
	case f.Type == host.Dir, f.Type == host.Other:
		c.Why = "a " + string(f.Type) + " stands there now"
		return verdict(Keep, c)
	case !putBack && f.Type == host.Absent:
		c.Why = "it is gone already"
		return verdict(Done, c)
	case !putBack && o.Original != "":
		c.Why = "what stood there before is back already"
		return verdict(Done, c)
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
	return verdict(Remove, c)
}

// dir removes a directory that is empty after the removals before it. One
// that was there before pmkctl gets its mode and owner back.
func (s *Observed) dir(o item, c change.Change) Verdict {
	f := s.files[o.Item]
	have := change.Attrs(f.Mode, f.Owner, f.Group)
	_, was := parseAttrs(o.Item, o.Original)
	switch {
	case f.Type == host.Absent:
		c.Why = "it is gone already"
		return verdict(Done, c)
	case f.Type != host.Dir || was && have == o.Original:
		c.Why = "it is as it was before"
		return verdict(Done, c)
	case was:
		c.Have, c.Why = have, "it was there before: gets "+o.Original+" back"
		return verdict(Remove, c)
	}
	for _, e := range f.Entries {
		if !s.removed[path.Join(o.Item, e)] {
			c.Why = "it is not empty"
			return verdict(Keep, c)
		}
	}
	s.removed[o.Item] = true
	c.Have = have
	return verdict(Remove, c)
}

// unit stops and disables a service. One that was there before with another
// unit file becomes what it was, once that file is back.
func (s *Observed) unit(o item, c change.Change) Verdict {
	u := s.units[o.Item]
	now := change.StateOf(u)
	c.Unit.Have, c.Have = now, now.String()
	switch {
	case o.Original != "" && s.fileIsBack(o.Item) && now.String() == o.Original && !u.Unread:
		c.Why = "it is as it was before"
		return verdict(Done, c)
	case o.Original != "":
		c.Why = "becomes what it was before: " + o.Original
		return verdict(Remove, c)
	case now.Runs() || u.Enabled == change.Serving.Enabled || u.Unread:
		return Verdict{Fate: Remove, Change: c, Unread: u.Unread}
	}
	c.Why = "it is gone already"
	return verdict(Done, c)
}

// fileIsBack reports whether a unit's file is not pmkctl's any more.
func (s *Observed) fileIsBack(unit string) bool {
	file := change.UnitFile(unit)
	o, owned := s.items[file]
	return !owned || s.file(item{file, o}, change.Change{}).Fate == Done
}

// sysctl sets a sysctl back, if it still has pmkctl's value.
func (s *Observed) sysctl(o item, c change.Change) Verdict {
	have, known := s.sysctls[o.Item]
	same := func(a, b string) bool { return slices.Equal(strings.Fields(a), strings.Fields(b)) }
	switch {
	case !known || o.Original == "":
		c.Why = "nobody knows what it was before"
	case same(have, o.Before()):
		c.Why = "it is as it was before"
	case o.Want != "" && !same(have, o.Want):
		c.Why = "somebody else has set it to " + have
	default:
		c.Have, c.Why = have, "set back to "+o.Original
		return verdict(Remove, c)
	}
	return verdict(Done, c)
}

func (s *Observed) image(o item, c change.Change) Verdict {
	switch {
	case s.imagesDown:
		c.Why = "containerd does not run"
		return verdict(Keep, c)
	case slices.Contains(s.images, o.Item):
		return verdict(Remove, c)
	}
	c.Why = "it is gone already"
	return verdict(Done, c)
}

func verdict(f Fate, c change.Change) Verdict { return Verdict{Fate: f, Change: c} }
