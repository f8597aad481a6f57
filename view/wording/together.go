package wording

import (
	"fmt"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
)

// sent returns how much is sent to each host, if that is several files.
func sent(d change.Diff, hosts int) string {
	var sum int64
	files := 0
	for _, c := range d {
		if c.Bytes > 0 {
			sum += c.Bytes
			files++
		}
	}
	switch {
	case files < 2:
		return ""
	case hosts > 1:
		return fmt.Sprintf("%d files, %s to each", files, Bytes(sum))
	}
	return fmt.Sprintf("%d files, %s", files, Bytes(sum))
}

// together removes from changes what they have in common, which after says
// once: the steps after which they are known. A restart because of nothing
// but a hash gets its reason in words.
func together(d change.Diff) (out change.Diff, after string) {
	out = slices.Clone(d)
	waiting, hashed := 0, map[string]bool{}
	for _, c := range out {
		if !c.Until.IsZero() {
			waiting++
		}
		if hashOnly(c) {
			hashed[c.Item] = true
		}
	}
	for i, c := range out {
		if waiting > 1 {
			out[i].Until = address.Addr{}
		}
		if c.Action == change.Restart && hashed[c.Cause] {
			out[i].Cause, out[i].Why = "", "what it depends on changes"
		}
	}
	if waiting > 1 {
		after = Known(d)
	}
	return out, after
}

// Known says after which steps all of a diff is known.
func Known(d change.Diff) string {
	after := "known after " + address.Join(d.Until(), ", ")
	for _, c := range d {
		if c.Until.IsZero() {
			return "in part " + after
		}
	}
	return after
}

// Sorted returns removals first, and otherwise the order of d.
func Sorted(d change.Diff) change.Diff {
	d = slices.Clone(d)
	slices.SortStableFunc(d, func(a, b change.Change) int { return First(a.Action == change.Remove, b.Action == change.Remove) })
	return d
}

// First orders what is so before what is not.
func First(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// Sign is how the line of a change begins. Replace and restart have words of
// their own behind the item.
func Sign(a change.Action) string {
	switch a {
	case change.Add:
		return "+"
	case change.Remove:
		return "-"
	}
	return "~"
}
