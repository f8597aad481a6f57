package node

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
)

// The annotations that name our labels and taints of a Node, separated by commas.
const (
	ownLabels = "pmkctl.github.io/labels" // keys
	ownTaints = "pmkctl.github.io/taints" // key:effect
)

// id identifies a taint of a Node.
func (t Taint) id() string { return t.Key + ":" + t.Effect }

// String returns a taint as kubectl writes it.
func (t Taint) String() string {
	if t.Value == "" {
		return t.id()
	}
	return t.Key + "=" + t.Value + ":" + t.Effect
}

func (t Taint) object() map[string]any {
	o := map[string]any{"key": t.Key, "effect": t.Effect}
	if t.Value != "" {
		o["value"] = t.Value
	}
	return o
}

// taintOf reads a taint of a Node.
func taintOf(o any) Taint {
	return Taint{Key: kube.Text(o, "key"), Value: kube.Text(o, "value"), Effect: kube.Text(o, "effect")}
}

// state are the parts of a Node that may be ours.
type state struct {
	labels      map[string]any
	taints      map[string]Taint // by id
	annotations map[string]any
	rawTaints   []any // as they are, with times
}

func stateOf(o kube.Object) state {
	s := state{taints: map[string]Taint{}}
	s.labels, _ = kube.Field(o, "metadata", "labels").(map[string]any)
	s.annotations, _ = kube.Field(o, "metadata", "annotations").(map[string]any)
	s.rawTaints, _ = kube.Field(o, "spec", "taints").([]any)
	for _, t := range s.rawTaints {
		s.taints[taintOf(t).id()] = taintOf(t)
	}
	return s
}

// owned returns the names in one of the annotations.
func (s state) owned(annotation string) []string {
	list, _ := s.annotations[annotation].(string)
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// surplusLabels returns the keys of our labels on the Node that are not wanted any
// more.
func (m Module) surplusLabels(s state) []string {
	return slices.DeleteFunc(s.owned(ownLabels), func(k string) bool {
		_, wanted := m.Labels[k]
		_, there := s.labels[k]
		return wanted || !there
	})
}

// surplusTaints returns the ids of our taints on the Node that are not wanted any
// more.
func (m Module) surplusTaints(s state) []string {
	return slices.DeleteFunc(s.owned(ownTaints), func(id string) bool {
		_, there := s.taints[id]
		return !there || slices.ContainsFunc(m.Taints, func(t Taint) bool { return t.id() == id })
	})
}

// annotations returns the wanted values of our annotations.
func (m Module) annotations() map[string]string {
	var taints []string
	for _, t := range m.Taints {
		taints = append(taints, t.id())
	}
	slices.Sort(taints)
	return map[string]string{
		ownLabels: strings.Join(slices.Sorted(maps.Keys(m.Labels)), ","),
		ownTaints: strings.Join(taints, ","),
	}
}

// diff compares labels and taints, removals first. Annotations are compared only if
// nothing else differs, because otherwise they differ in any case.
func (m Module) diff(o kube.Object) change.Diff {
	s := stateOf(o)
	entry := func(a change.Action, what, have, want string) change.Change {
		return change.Change{Kind: change.Object, Action: a, Item: m.item() + " " + what, Have: have, Want: want}
	}
	var d change.Diff
	for _, k := range m.surplusLabels(s) {
		d = append(d, entry(change.Remove, "label "+k, quoted(s.labels[k]), ""))
	}
	for _, id := range m.surplusTaints(s) {
		d = append(d, entry(change.Remove, "taint "+id, s.taints[id].String(), ""))
	}
	for _, k := range slices.Sorted(maps.Keys(m.Labels)) {
		have, there := s.labels[k]
		switch {
		case !there:
			d = append(d, entry(change.Add, "label "+k, "", quoted(m.Labels[k])))
		case have != m.Labels[k]:
			d = append(d, entry(change.Update, "label "+k, quoted(have), quoted(m.Labels[k])))
		}
	}
	for _, t := range m.sortedTaints() {
		have, there := s.taints[t.id()]
		switch {
		case !there:
			d = append(d, entry(change.Add, "taint "+t.id(), "", t.String()))
		case have != t:
			d = append(d, entry(change.Update, "taint "+t.id(), have.String(), t.String()))
		}
	}
	if len(d) > 0 {
		return d
	}
	want := m.annotations()
	for _, k := range []string{ownLabels, ownTaints} {
		if have, _ := s.annotations[k].(string); have != want[k] {
			d = append(d, entry(change.Update, "annotation "+k, have, want[k]))
		}
	}
	return d
}

// Owns returns all items that the module may change, see modules.Owner.
func (m Module) Owns() []string {
	items := []string{m.item(), m.item() + " annotation " + ownLabels, m.item() + " annotation " + ownTaints}
	for _, k := range slices.Sorted(maps.Keys(m.Labels)) {
		items = append(items, m.item()+" label "+k)
	}
	for _, t := range m.sortedTaints() {
		items = append(items, m.item()+" taint "+t.id())
	}
	return items
}

func (m Module) sortedTaints() []Taint {
	return slices.SortedFunc(slices.Values(m.Taints), func(a, b Taint) int { return cmp.Compare(a.id(), b.id()) })
}

func quoted(v any) string {
	s, _ := v.(string)
	return `"` + s + `"`
}

// patch returns the patch after which diff is empty; nil if it is empty already.
// Taints are one list, which other programs write too. So a patch of them has the
// version of the Node that it was made from.
func (m Module) patch(o kube.Object) kube.Object {
	if len(m.diff(o)) == 0 {
		return nil
	}
	s := stateOf(o)
	labels, annotations := map[string]any{}, map[string]any{}
	for _, k := range m.surplusLabels(s) {
		labels[k] = nil
	}
	for k, v := range m.Labels {
		labels[k] = v
	}
	for k, v := range m.annotations() {
		annotations[k] = v
	}
	metadata := map[string]any{"labels": labels, "annotations": annotations}
	patch := kube.Object{"metadata": metadata}
	if taints, differ := m.patchTaints(s); differ {
		metadata["resourceVersion"] = kube.Text(o, "metadata", "resourceVersion")
		patch["spec"] = map[string]any{"taints": taints}
	}
	return patch
}

// patchTaints returns the whole list: the taints of others as they are, then ours.
// It reports whether ours differ.
func (m Module) patchTaints(s state) ([]any, bool) {
	surplus := m.surplusTaints(s)
	differ := len(surplus) > 0
	wanted := map[string]Taint{}
	for _, t := range m.Taints {
		wanted[t.id()] = t
		differ = differ || s.taints[t.id()] != t
	}
	list := []any{}
	for _, raw := range s.rawTaints {
		id := taintOf(raw).id()
		if _, ours := wanted[id]; !ours && !slices.Contains(surplus, id) {
			list = append(list, raw)
		}
	}
	for _, t := range m.sortedTaints() {
		list = append(list, t.object())
	}
	return list, differ
}
