package spec

import (
	"time"

	"github.com/zclconf/go-cty/cty"
)

// PlanFacts is a plan as policies see it.
type PlanFacts struct {
	Live                        bool // the cluster existed before
	Hosts, ControlPlane, Etcd   []string
	Add, Change, Remove         int // steps
	Restarts, Removals, Foreign []PlanEffect
	Steps                       []PlanStep
	Files                       int
	Bytes                       int64
	Excluded                    int // steps that would change something
}

// A PlanEffect is a change that people ask about.
type PlanEffect struct{ Host, Item, Step, Why string }

// A PlanStep is a step that changes something.
type PlanStep struct{ Addr, Module, Host, Action string }

var (
	effectType = cty.Object(map[string]cty.Type{"host": cty.String, "item": cty.String, "step": cty.String, "why": cty.String})
	stepType   = cty.Object(map[string]cty.Type{"addr": cty.String, "module": cty.String, "host": cty.String, "action": cty.String})
)

// planAttrs are the attributes of plan, and timeAttrs those of time;
// docs/spec.md is written from them.
var (
	planAttrs = []attr{
		{Name: "hosts", Type: strs, Doc: "Hosts that change, in the order of the spec."},
		{Name: "control_plane_hosts", Type: strs, Doc: "Those of them that are control-plane hosts."},
		{Name: "etcd_hosts", Type: strs, Doc: "Those of them that are members of etcd."},
		{Name: "add", Type: cty.Number, Doc: "Steps that only add."},
		{Name: "change", Type: cty.Number, Doc: "Steps that change something."},
		{Name: "remove", Type: cty.Number, Doc: "Steps that only remove; `removals` has what goes within other steps too."},
		{Name: "restarts", Type: cty.List(effectType), Doc: "Running services that are interrupted; a first start is none."},
		{Name: "removals", Type: cty.List(effectType), Doc: "Items that are removed."},
		{Name: "replaced", Type: cty.List(effectType), Doc: "Items that pmkctl did not make and overwrites, and what cannot change without a gap, as another network backend."},
		{Name: "steps", Type: cty.List(stepType), Doc: "Steps that change something. `action` is \"add\", \"update\" or \"remove\"; \"\" if it is known later."},
		{Name: "files", Type: cty.Number, Doc: "Files sent to hosts."},
		{Name: "bytes", Type: cty.Number, Doc: "Bytes of these files."},
		{Name: "left_out", Type: cty.Number, Doc: "Steps that would change something and are left out by `-target`, `-exclude` or `-limit`."},
		{Name: "live", Type: cty.Bool, Doc: "The cluster was there before: some host is a member of it."},
	}
	timeAttrs = []attr{
		{Name: "weekday", Type: cty.String, Doc: "\"Monday\" to \"Sunday\"."},
		{Name: "date", Type: cty.String, Doc: "Such as \"2026-11-23\"; dates compare by ==, not by <."},
		{Name: "hour", Type: cty.Number, Doc: "0 to 23."},
		{Name: "minute", Type: cty.Number, Doc: "0 to 59."},
	}
)

// value returns the value of plan in conditions.
func (f PlanFacts) value() cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"live": cty.BoolVal(f.Live), "hosts": list(f.Hosts, cty.String, cty.StringVal),
		"control_plane_hosts": list(f.ControlPlane, cty.String, cty.StringVal), "etcd_hosts": list(f.Etcd, cty.String, cty.StringVal),
		"add": num(int64(f.Add)), "change": num(int64(f.Change)), "remove": num(int64(f.Remove)),
		"restarts": list(f.Restarts, effectType, PlanEffect.value), "removals": list(f.Removals, effectType, PlanEffect.value),
		"replaced": list(f.Foreign, effectType, PlanEffect.value), "steps": list(f.Steps, stepType, PlanStep.value),
		"left_out": num(int64(f.Excluded)), "files": num(int64(f.Files)), "bytes": num(f.Bytes),
	})
}

func (e PlanEffect) value() cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"host": str(e.Host), "item": str(e.Item), "step": str(e.Step), "why": str(e.Why)})
}

func (s PlanStep) value() cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"addr": str(s.Addr), "module": str(s.Module), "host": str(s.Host), "action": str(s.Action)})
}

func list[T any](of []T, t cty.Type, value func(T) cty.Value) cty.Value {
	if len(of) == 0 {
		return cty.ListValEmpty(t)
	}
	var values []cty.Value
	for _, x := range of {
		values = append(values, value(x))
	}
	return cty.ListVal(values)
}

// anyPlan returns a plan with unknown values. Each list has one element, so
// that expressions over elements are checked too.
func anyPlan() cty.Value {
	attrs := map[string]cty.Value{}
	for _, a := range planAttrs {
		attrs[a.Name] = anyOf(a.Type)
	}
	return cty.ObjectVal(attrs)
}

func anyOf(t cty.Type) cty.Value {
	switch {
	case t.IsListType():
		return cty.ListVal([]cty.Value{anyOf(t.ElementType())})
	case t.IsObjectType():
		attrs := map[string]cty.Value{}
		for name, a := range t.AttributeTypes() {
			attrs[name] = anyOf(a)
		}
		return cty.ObjectVal(attrs)
	}
	return cty.UnknownVal(t)
}

// timeValue returns the value of time in conditions.
func timeValue(at time.Time) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"weekday": str(at.Weekday().String()), "date": str(at.Format(time.DateOnly)),
		"hour": num(int64(at.Hour())), "minute": num(int64(at.Minute())),
	})
}
