package view

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
)

// stepGroup is steps of one module whose diffs are alike.
type stepGroup struct {
	module string
	steps  []address.Step
	names  []string // of the host of the first
}

// group puts alike steps together, in plan order of the first of each.
func group(c *executor.Checked, names Names) []*stepGroup {
	var groups []*stepGroup
	byKey := map[string]*stepGroup{}
	for _, s := range c.Pending() {
		key := s.Addr.Module + "\n" + likeness(c.Diffs[s.Addr], names[s.Addr.Host])
		g := byKey[key]
		if g == nil {
			g = &stepGroup{module: s.Addr.Module, names: names[s.Addr.Host]}
			byKey[key] = g
			groups = append(groups, g)
		}
		g.steps = append(g.steps, s.Addr)
	}
	return groups
}

// likeness is a diff with the host's own names replaced, and without hashes
// that follow from them; two hosts are alike if it is the same for both.
func likeness(d change.Diff, names []string) string {
	var b strings.Builder
	for _, c := range d {
		for _, part := range []string{c.Class, c.Setting, string(c.Action), c.Item, c.Have, c.Want, c.Why, c.Until.String(), c.SHA256, c.ID, string(c.Level),
			c.Unit.Have.String(), c.Unit.Want.String(), c.Cause, c.HaveSHA256, c.Host, strconv.FormatInt(c.Bytes, 10)} {
			b.WriteString(part)
			b.WriteByte(0)
		}
		for _, is := range []bool{c.Secret, c.Drift, c.Manifest, c.Generated, c.Gap, c.Redo, c.Volatile} {
			b.WriteByte(byte(boolInt(is)))
		}
	}
	text := withoutInputs(b.String())
	for i, n := range names {
		text = replaceWord(text, n, "\x01"+strconv.Itoa(i)+"\x01")
	}
	return text
}

// withoutInputs leaves out the hashes of units; see inputsHash, which would
// take most of the time that a plan of many hosts takes.
func withoutInputs(text string) string {
	const mark = change.InputsKey + "="
	if !strings.Contains(text, mark) {
		return text
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, mark)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString(mark)
		text = strings.TrimLeft(after, "0123456789abcdef")
	}
}

// replaceWord replaces a name or address where it stands by itself: worker-1
// is no part of worker-10.
func replaceWord(text, word, by string) string {
	if word == "" || !strings.Contains(text, word) {
		return text
	}
	var b strings.Builder
	for {
		i := strings.Index(text, word)
		if i < 0 {
			return b.String() + text
		}
		end := i + len(word)
		b.WriteString(text[:i])
		if i > 0 && isWord(text[i-1]) || end < len(text) && isWord(text[end]) {
			b.WriteString(word)
		} else {
			b.WriteString(by)
		}
		text = text[end:]
	}
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// same tells if what is shown of the first host is true of all to the
// letter: they change alike, or it does not name the host.
func (g *stepGroup) same(c *executor.Checked) bool {
	first := c.Diffs[g.steps[0]]
	if !slices.ContainsFunc(g.steps[1:], func(a address.Step) bool { return !slices.Equal(c.Diffs[a], first) }) {
		return true
	}
	for _, ch := range first {
		if g.named(Headline(ch)) || slices.ContainsFunc(Lines(ch), func(l Line) bool { return g.named(l.Text) }) {
			return false
		}
	}
	return true
}

// named tells if a text has a name or address of the first host.
func (g *stepGroup) named(text string) bool {
	return slices.ContainsFunc(g.names, func(n string) bool { return replaceWord(text, n, "\x00") != text })
}

// title is the address of one step, or the module with its hosts:
// "kubelet on cp-1, worker-[1-40]".
func (g *stepGroup) title() string {
	if len(g.steps) == 1 {
		return g.steps[0].String()
	}
	var hosts []string
	for _, s := range g.steps {
		hosts = append(hosts, s.Host)
	}
	return g.module + " on " + inRanges(hosts)
}
