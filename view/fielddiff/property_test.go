package fielddiff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/change"
)

// apply does to a value what fields say, outer lists first: paths lead
// through them as they are in the end. Of a list, elements go first, by
// their old places; new ones come to their new places; then others change.
func apply(t *rapid.T, v *Value, fields []Field) *Value {
	v = clone(v)
	for _, f := range inOrder(fields) {
		switch f.Action {
		case change.Remove:
			remove(t, v, f.steps, f.Index)
		case change.Add:
			insert(t, v, f.steps, f.Want, f.Index)
		default:
			replace(t, v, f.steps, f.Want)
		}
	}
	return v
}

func inOrder(fields []Field) []Field {
	fields = slices.Clone(fields)
	turn := map[change.Action]int{change.Remove: 0, change.Add: 1, change.Update: 2}
	slices.SortStableFunc(fields, func(a, b Field) int {
		places := a.Index - b.Index
		if a.Action == change.Remove {
			places = -places
		}
		return cmp.Or(len(a.steps)-len(b.steps), turn[a.Action]-turn[b.Action], places)
	})
	return fields
}

func clone(v *Value) *Value {
	out := *v
	out.keys, out.items = slices.Clone(v.keys), nil
	for _, i := range v.items {
		out.items = append(out.items, clone(i))
	}
	if v.at != nil {
		out.at = map[string]*Value{}
		for k, x := range v.at {
			out.at[k] = clone(x)
		}
	}
	return &out
}

// find goes all steps but the last.
func find(t *rapid.T, v *Value, steps []step) (*Value, step) {
	for _, s := range steps[:len(steps)-1] {
		if s.list {
			v = v.items[place(t, v, s)]
		} else {
			v = v.at[s.key]
		}
	}
	return v, steps[len(steps)-1]
}

// place finds an element of a list by what its path says.
func place(t *rapid.T, v *Value, s step) int {
	if s.key == "" {
		return s.index
	}
	if i := slices.IndexFunc(v.items, func(item *Value) bool {
		if item.kind == mapping {
			for _, k := range nameKeys {
				if n, ok := fieldName(item, k); ok && n == s.key {
					return true
				}
			}
			return false
		}
		n, _ := flagName(item, s.key == "command")
		return n == s.key
	}); i >= 0 {
		return i
	}
	t.Fatalf("there is no %s in %s", s, v)
	return 0
}

func remove(t *rapid.T, v *Value, steps []step, index int) {
	v, last := find(t, v, steps)
	if last.list {
		v.items = slices.Delete(v.items, index, index+1)
		return
	}
	delete(v.at, last.key)
	v.keys = slices.DeleteFunc(v.keys, func(k string) bool { return k == last.key })
}

func insert(t *rapid.T, v *Value, steps []step, want *Value, index int) {
	v, last := find(t, v, steps)
	if last.list {
		v.items = slices.Insert(v.items, index, element(v, last, want))
		return
	}
	v.put(last.key, want)
}

func replace(t *rapid.T, v *Value, steps []step, want *Value) {
	v, last := find(t, v, steps)
	if last.list {
		i := place(t, v, last)
		v.items[i] = element(v, last, want)
		return
	}
	v.at[last.key] = want
}

// element is a list's element from what a field shows of it.
func element(v *Value, s step, want *Value) *Value {
	typ := "str"
	if v.argv {
		typ = "arg"
	}
	switch {
	case want.kind == scalar && want.typ == "flag":
		return newScalar(typ, s.key)
	case want.kind == scalar && want.typ == "arg" && strings.HasPrefix(s.key, "-"):
		return newScalar(typ, s.key+"="+want.text)
	}
	return want
}

// genValue draws a tree in which much is alike.
func genValue(depth int) *rapid.Generator[*Value] {
	return rapid.Custom(func(t *rapid.T) *Value {
		what := 0
		if depth > 0 {
			what = rapid.IntRange(0, 5).Draw(t, "what")
		}
		switch what {
		case 1, 2:
			return genMapping(depth-1).Draw(t, "mapping")
		case 3:
			return genNamed(depth-1).Draw(t, "named")
		case 4:
			v := &Value{kind: list}
			for range rapid.IntRange(0, 4).Draw(t, "n") {
				v.items = append(v.items, genValue(depth-1).Draw(t, "item"))
			}
			return v
		case 5:
			v := &Value{kind: list}
			for _, f := range rapid.SliceOfN(rapid.SampledFrom([]string{"--a", "--b=1", "--b=2", "--c=x y", "--d=", "-e", "--a=3"}), 0, 4).Draw(t, "flags") {
				v.items = append(v.items, newScalar("str", f))
			}
			return v
		}
		return genScalar().Draw(t, "scalar")
	})
}

func genScalar() *rapid.Generator[*Value] {
	return rapid.Custom(func(t *rapid.T) *Value {
		switch rapid.IntRange(0, 3).Draw(t, "type") {
		case 0:
			return newScalar("number", strconv.Itoa(rapid.IntRange(-3, 3).Draw(t, "int")))
		case 1:
			return newScalar("bool", rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool"))
		}
		return newScalar("str", genText().Draw(t, "text"))
	})
}

func genText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{"", "a", "b", "yes", "1", "null", "~", "1.5", " a", "a\nb\n", "a: b", "x#y", "[", "--a=1", "2001-01-01"}),
		rapid.StringN(0, 6, -1))
}

func genMapping(depth int) *rapid.Generator[*Value] {
	return rapid.Custom(func(t *rapid.T) *Value {
		v := newMapping()
		for _, k := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "name", "x.y", "yes", "1"}), 0, 4, rapid.ID[string]).Draw(t, "keys") {
			v.put(k, genValue(depth).Draw(t, k))
		}
		return v
	})
}

// genNamed draws a list of containers, say.
func genNamed(depth int) *rapid.Generator[*Value] {
	return rapid.Custom(func(t *rapid.T) *Value {
		v := &Value{kind: list}
		for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"one", "two", "three", "4", "a b"}), 0, 4, rapid.ID[string]).Draw(t, "names") {
			m := genMapping(depth).Draw(t, n)
			m.put("name", newScalar("str", n))
			m.at["name"] = newScalar("str", n)
			v.items = append(v.items, m)
		}
		return v
	})
}

// genPair draws two trees of which the second is often made from the first.
func genPair() *rapid.Generator[[2]*Value] {
	return rapid.Custom(func(t *rapid.T) [2]*Value {
		a := genMapping(3).Draw(t, "a")
		if rapid.Bool().Draw(t, "unlike") {
			return [2]*Value{a, genMapping(3).Draw(t, "b")}
		}
		b := clone(a)
		for range rapid.IntRange(0, 3).Draw(t, "edits") {
			edit(t, b)
		}
		return [2]*Value{a, b}
	})
}

// edit changes something somewhere.
func edit(t *rapid.T, v *Value) {
	switch {
	case v.kind == mapping && len(v.keys) > 0 && rapid.IntRange(0, 3).Draw(t, "deeper") > 0:
		edit(t, v.at[rapid.SampledFrom(v.keys).Draw(t, "key")])
	case v.kind == mapping:
		k := rapid.SampledFrom([]string{"a", "b", "new"}).Draw(t, "key")
		if !v.put(k, genValue(1).Draw(t, "value")) {
			delete(v.at, k)
			v.keys = slices.DeleteFunc(v.keys, func(x string) bool { return x == k })
		}
	case v.kind == list && len(v.items) > 0 && rapid.Bool().Draw(t, "deeper"):
		edit(t, rapid.SampledFrom(v.items).Draw(t, "item"))
	case v.kind == list && len(v.items) > 1 && rapid.Bool().Draw(t, "swap"):
		i := rapid.IntRange(1, len(v.items)-1).Draw(t, "at")
		v.items[0], v.items[i] = v.items[i], v.items[0]
	case v.kind == list && len(v.items) > 0 && rapid.Bool().Draw(t, "remove"):
		i := rapid.IntRange(0, len(v.items)-1).Draw(t, "at")
		v.items = slices.Delete(v.items, i, i+1)
	case v.kind == list:
		v.items = slices.Insert(v.items, rapid.IntRange(0, len(v.items)).Draw(t, "at"), genValue(1).Draw(t, "new"))
	default:
		*v = *genScalar().Draw(t, "scalar")
	}
}

// check holds of any two trees: no field differs only if they are equal, and
// what the fields say makes the new one of the old one.
func check(t *rapid.T, a, b *Value) {
	fields, ok := diff(a, b)
	if same := equal(a, b); same && len(fields) > 0 || !same && ok && len(fields) == 0 {
		t.Fatalf("equal is %v, and the fields are %v", same, fields)
	}
	if !ok {
		return
	}
	if got := apply(t, a, fields); !equal(got, b) {
		t.Fatalf("%s\nwith %s\nis   %s\nnot  %s", a, show(fields), got, b)
	}
}

func show(fields []Field) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "%s %s@%d: %s -> %s\n", f.Action, f.Path, f.Index, text(f.Have), text(f.Want))
	}
	return b.String()
}

func text(v *Value) string {
	if v == nil {
		return "-"
	}
	return v.String()
}

func TestFieldsTellAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genPair().Draw(t, "pair")
		check(t, p[0], p[1])
	})
}

// TestShownTellsApart makes sure that people can tell a change: two values
// that differ never look the same.
func TestShownTellsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genPair().Draw(t, "pair")
		fields, _ := diff(p[0], p[1])
		for _, f := range fields {
			if f.Action == change.Update && (f.Have.String() == f.Want.String() || f.Have.Text() == f.Want.Text() && f.Have.Long() && f.Want.Long()) {
				t.Fatalf("%s: %q -> %q", f.Path, f.Have, f.Want)
			}
		}
	})
}

// written writes a tree as a file of a format; false where the format has no
// such thing.
func written(format string, v *Value) (string, bool) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", false
	}
	switch format {
	case "yaml":
		text, err = yaml.JSONToYAML(text)
	case "toml":
		var m map[string]any
		if err = json.Unmarshal(text, &m); err == nil {
			text, err = toml.Marshal(m)
		}
	}
	return string(text), err == nil
}

// TestFilesTellAll is TestFieldsTellAll of files: whatever tells all of two
// files is empty only if they hold the same for another reader.
func TestFilesTellAll(t *testing.T) {
	byField := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := genPair().Draw(t, "pair")
		format := rapid.SampledFrom([]string{"yaml", "json", "toml"}).Draw(t, "format")
		have, ok1 := written(format, p[0])
		want, ok2 := written(format, p[1])
		if !ok1 || !ok2 {
			return
		}
		f := formats["."+format]
		a, err1 := f.parse(have)
		b, err2 := f.parse(want)
		if err1 != nil || err2 != nil {
			return
		}
		if equal(a, b) != equal(p[0], p[1]) {
			t.Fatalf("equal is %v of\n%s\nand\n%s", equal(a, b), have, want)
		}
		check(t, a, b)
		fields, ok := Compare("/x."+format, have, want)
		if ok && (len(fields) == 0 || equal(a, b)) {
			t.Fatalf("nothing is told, or too much: %s", show(fields))
		}
		if ok {
			byField[format]++
		}
	})
	if !t.Failed() && (byField["yaml"] == 0 || byField["json"] == 0 || byField["toml"] == 0) {
		t.Errorf("a format is never told by field: %v", byField)
	}
}

// TestUnitsTellAll is the same of units.
func TestUnitsTellAll(t *testing.T) {
	lines := rapid.SliceOfN(rapid.SampledFrom([]string{"A=1", "A=2", "B=x y", "B=", "ExecStart=/x --a=1 --b", "ExecStart=/x --a=2", "ExecStart=/x --b --a=1",
		"ExecStart=/x a b", "ExecStart=/x b a", "ExecStart=/y \\\n  --a=\"1 2\"", "ExecStartPre=/a", "ExecStartPre=/b", "[Two]", "# c", "", "x"}), 0, 6)
	told := 0
	rapid.Check(t, func(t *rapid.T) {
		have := "[One]\n" + strings.Join(lines.Draw(t, "have"), "\n") + "\n"
		want := "[One]\n" + strings.Join(lines.Draw(t, "want"), "\n") + "\n"
		a, err1 := parseUnit(have)
		b, err2 := parseUnit(want)
		fields, ok := Compare("/x.service", have, want)
		if err1 != nil || err2 != nil {
			if ok {
				t.Fatalf("told of what does not parse: %s", show(fields))
			}
			return
		}
		check(t, a, b)
		if ok {
			told++
		}
	})
	if !t.Failed() && told == 0 {
		t.Error("no unit is told by field")
	}
}
