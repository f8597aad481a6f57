package fielddiff

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pmkctl/pmkctl/change"
)

// A step leads from a value into one of its parts.
type step struct {
	key   string // of a mapping, or name of a list's element
	list  bool
	index int // of a list's element that has no name: in the new list, or in the old one if it is removed
}

var (
	plainKey  = regexp.MustCompile(`^[A-Za-z0-9_/@-]+$`)
	plainName = regexp.MustCompile(`^[^\[\]" \t0-9][^\[\]" \t]*$`)
)

func (s step) String() string {
	switch {
	case s.list && s.key == "":
		return "[" + strconv.Itoa(s.index) + "]"
	case s.list && plainName.MatchString(s.key):
		return "[" + s.key + "]"
	case s.list:
		return "[" + strconv.Quote(s.key) + "]"
	case plainKey.MatchString(s.key):
		return s.key
	}
	return strconv.Quote(s.key)
}

// pathOf writes steps as "spec.containers[coredns].image".
func pathOf(steps []step) string {
	var b strings.Builder
	for i, s := range steps {
		if i > 0 && !s.list {
			b.WriteByte('.')
		}
		b.WriteString(s.String())
	}
	return b.String()
}

// differ gathers the fields that differ.
type differ struct {
	out    []Field
	failed bool // fields do not say all
}

func diff(a, b *Value) ([]Field, bool) {
	var d differ
	if a.kind != mapping || b.kind != mapping {
		return nil, false
	}
	d.compare(nil, a, b)
	return d.out, !d.failed && len(d.out) > 0
}

func (d *differ) add(a change.Action, steps []step, have, want *Value, index int) {
	d.failed = d.failed || have != nil && have.fixed || want != nil && want.fixed
	d.out = append(d.out, Field{Action: a, Path: pathOf(steps), Have: have, Want: want, Index: index, steps: steps})
}

// into is a path one step longer.
func into(steps []step, s step) []step { return append(slices.Clip(steps), s) }

func (d *differ) compare(steps []step, a, b *Value) {
	switch {
	case equal(a, b):
	case a.kind != b.kind, a.kind == scalar:
		d.add(change.Update, steps, a, b, -1)
	case a.kind == mapping:
		d.mappings(steps, a, b)
	case a.fixed, b.fixed:
		d.failed = true
	case len(a.items) == 0, len(b.items) == 0:
		d.add(change.Update, steps, a, b, -1)
	default:
		d.lists(steps, a, b)
	}
}

func (d *differ) mappings(steps []step, a, b *Value) {
	for _, k := range a.keys {
		at := into(steps, step{key: k})
		if b.at[k] == nil {
			d.add(change.Remove, at, a.at[k], nil, -1)
		} else {
			d.compare(at, a.at[k], b.at[k])
		}
	}
	for _, k := range b.keys {
		if a.at[k] == nil {
			d.add(change.Add, into(steps, step{key: k}), nil, b.at[k], -1)
		}
	}
}

func (d *differ) lists(steps []step, a, b *Value) {
	if n, ok := namesOf(a, b); ok {
		d.named(steps, a, b, n)
	} else {
		d.indexed(steps, a, b)
	}
}

// named compares lists whose elements have names. Elements that changed
// places may matter, and are left to a diff of lines.
func (d *differ) named(steps []step, a, b *Value, n names) {
	atB := map[string]int{}
	for i, name := range n.b {
		atB[name] = i
	}
	last := -1
	for i, name := range n.a {
		at := into(steps, step{list: true, key: name})
		j, stays := atB[name]
		if !stays {
			d.add(change.Remove, at, n.shown(a.items[i]), nil, i)
			continue
		}
		d.failed = d.failed || j < last
		last = j
		d.compare(at, n.shown(a.items[i]), n.shown(b.items[j]))
	}
	for j, name := range n.b {
		if !slices.Contains(n.a, name) {
			d.add(change.Add, into(steps, step{list: true, key: name}), nil, n.shown(b.items[j]), j)
		}
	}
}

// maxPairs bounds the work of comparing two lists.
const maxPairs = 1 << 20

// indexed compares lists by position: what both have in the same order
// stays, and what stands in the same gap between is compared if it is as
// many on both sides.
func (d *differ) indexed(steps []step, a, b *Value) {
	if len(a.items)*len(b.items) > maxPairs {
		d.failed = true
		return
	}
	i, j := 0, 0
	for _, same := range append(common(a.items, b.items), [2]int{len(a.items), len(b.items)}) {
		if same[0]-i == same[1]-j {
			for ; i < same[0]; i, j = i+1, j+1 {
				d.compare(into(steps, step{list: true, index: j}), a.items[i], b.items[j])
			}
		}
		for ; i < same[0]; i++ {
			d.add(change.Remove, into(steps, step{list: true, index: i}), a.items[i], nil, i)
		}
		for ; j < same[1]; j++ {
			d.add(change.Add, into(steps, step{list: true, index: j}), nil, b.items[j], j)
		}
		i, j = same[0]+1, same[1]+1
	}
}

// common is a longest common subsequence, as pairs of indexes.
func common(a, b []*Value) [][2]int {
	best := make([][]int, len(a)+1) // of what begins at i and j
	for i := range best {
		best[i] = make([]int, len(b)+1)
	}
	same := func(i, j int) bool { return equal(a[i], b[j]) }
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if best[i][j] = max(best[i+1][j], best[i][j+1]); same(i, j) {
				best[i][j] = best[i+1][j+1] + 1
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case same(i, j):
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case best[i+1][j] >= best[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// nameKeys are the fields that name an element of a list, the first that all
// of them have: containers, mounts, taints, plugins of a CNI chain.
var nameKeys = []string{"name", "mountPath", "key", "id", "type", "schedulerName", "containerPort"}

// names are the names of two lists' elements, each but once in its list.
type names struct {
	a, b  []string
	flags bool // "--v" of "--v=2"; of the program itself, "command"
}

func namesOf(a, b *Value) (n names, ok bool) {
	try := func(name func(i int, v *Value) (string, bool)) bool {
		n.a, n.b = unique(a.items, name), unique(b.items, name)
		return n.a != nil && n.b != nil
	}
	if a.argv != b.argv {
		return n, false
	}
	if n.flags = try(func(i int, v *Value) (string, bool) { return flagName(v, a.argv && i == 0) }); n.flags {
		return n, true
	}
	for _, key := range nameKeys {
		if try(func(_ int, v *Value) (string, bool) { return fieldName(v, key) }) {
			return n, true
		}
	}
	return n, false
}

// shown is an element without what its name says already.
func (n names) shown(v *Value) *Value {
	if !n.flags {
		return v
	}
	if _, value, has := strings.Cut(v.text, "="); has && isFlag(v.text) {
		return newScalar("arg", value)
	} else if isFlag(v.text) {
		return newScalar("flag", "")
	}
	return newScalar("arg", v.text)
}

func unique(items []*Value, name func(int, *Value) (string, bool)) []string {
	names := make([]string, 0, len(items))
	for i, v := range items {
		n, ok := name(i, v)
		if !ok || slices.Contains(names, n) {
			return nil
		}
		names = append(names, n)
	}
	return names
}

func isFlag(arg string) bool {
	name, _, _ := strings.Cut(arg, "=")
	return strings.HasPrefix(name, "-") && strings.Trim(name, "-") != ""
}

func flagName(v *Value, program bool) (string, bool) {
	switch {
	case v.kind != scalar || v.typ != "str" && v.typ != "arg":
		return "", false
	case program && !isFlag(v.text): // systemd's "-/bin/x" would be named as a flag is
		return "command", true
	}
	name, _, _ := strings.Cut(v.text, "=")
	return name, isFlag(v.text)
}

func fieldName(v *Value, key string) (string, bool) {
	if v.kind != mapping || v.at[key] == nil || v.at[key].kind != scalar || v.at[key].text == "" {
		return "", false
	}
	return v.at[key].text, true
}
