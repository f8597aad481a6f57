package spec

import (
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// friday is a Friday evening in UTC, and already Saturday in Tokyo.
var friday = time.Date(2026, 11, 27, 20, 30, 0, 0, time.UTC)

// policies loads policies, and encodes and decodes them as a saved plan does.
func policies(t *testing.T, text string) []Policy {
	t.Helper()
	files := good()
	files["policies.hcl"] = text
	files["locals.hcl"] = "variable \"most\" {\n  default = 1\n  type = number\n}\nlocals {\n  quiet = [\"cp-1\", \"cp-2\"]\n  words = { a = [1, \"x\", null] }\n}\n"
	_, c := recode(t, mustLoad(t, lay(t, files), Options{}))
	return c.Policies
}

func TestPolicies(t *testing.T) {
	busy := PlanFacts{
		Live: true, Hosts: []string{"cp-1", "cp-2", "worker-1"}, ControlPlane: []string{"cp-1", "cp-2"}, Etcd: []string{"cp-1"}, Add: 1, Change: 2, Remove: 3,
		Restarts: []PlanEffect{{"cp-1", "etcd.service", "etcd.cp-1", "its binary changes"}},
		Removals: []PlanEffect{{"worker-1", "/etc/x", "gone.worker-1", ""}, {"worker-1", "/etc/y", "gone.worker-1", ""}},
		Foreign:  []PlanEffect{{"cp-2", "/etc/motd", "motd.cp-2", ""}},
		Steps:    []PlanStep{{"etcd.cp-1", "etcd", "cp-1", "update"}, {"gone.worker-1", "gone", "worker-1", "remove"}}, Files: 4, Bytes: 5_000_000,
	}
	tests := []struct {
		condition, zone string
		plan            PlanFacts
		want            string // "" if it passes
	}{
		{condition: `length(plan.control_plane_hosts) <= 1`, plan: busy, want: "said"},
		{condition: `length(plan.control_plane_hosts) <= 1`, plan: PlanFacts{ControlPlane: []string{"cp-1"}}},
		{condition: `!plan.live || length(plan.control_plane_hosts) <= var.most`, plan: busy, want: "said"},
		{condition: `!plan.live || length(plan.control_plane_hosts) <= 1`, plan: PlanFacts{ControlPlane: []string{"cp-1", "cp-2"}}},
		{condition: `time.weekday != "Friday" || length(plan.removals) == 0`, plan: busy, want: "said"},
		{condition: `time.weekday != "Friday" || length(plan.removals) == 0`, plan: PlanFacts{Change: 1}},
		{condition: `time.weekday != "Friday" || plan.remove == 0`, plan: busy, zone: "Asia/Tokyo"},
		{condition: `time.weekday != "Friday" || plan.remove == 0`, plan: busy, zone: "America/New_York", want: "said"},
		{condition: `time.date == "2026-11-28" && time.hour == 5 && time.minute == 30`, zone: "Asia/Tokyo"},
		{condition: `length(setintersection(plan.hosts, local.quiet)) == 0`, plan: busy, want: "said"},
		{condition: `length(local.words.a) == 3 && local.words.a[2] == null`},
		{condition: `length([for s in plan.steps : s if s.module == "etcd" && s.action == "update"]) == 0`, plan: busy, want: "said"},
		{condition: `length([for r in plan.restarts : r if r.item == "etcd.service" && r.why != ""]) == 0`, plan: busy, want: "said"},
		{condition: `plan.bytes < 1e6 || plan.files > 4`, plan: busy, want: "said"},
		{condition: `length(plan.replaced) == 0`, plan: busy, want: "said"},
		{condition: `length(plan.hosts) < 2 || plan.hosts[1] == "cp-2"`, plan: busy},
		{condition: `length(plan.hosts) < 2 || plan.hosts[5] == "cp-2"`, plan: busy, want: "It cannot be evaluated: Invalid index"},
		{condition: "(\n    plan.add == 1 &&\n    plan.change == 2 # in all\n  )", plan: busy},
		{condition: "plan.add == 2 ? false : {\n    a = true\n  }.a", plan: busy},
	}
	for _, tt := range tests {
		t.Run(tt.condition, func(t *testing.T) {
			zone := ""
			if tt.zone != "" {
				zone = "timezone = \"" + tt.zone + "\"\n"
			}
			list := policies(t, "\npolicy \"x\" {\n  condition = "+tt.condition+"\n  error_message = \"said\"\n"+zone+"}\n")
			got := Judge(list, tt.plan, friday)
			if len(got) != 1 || got[0].Name != "x" || got[0].Severity != preflight.Error || !strings.HasSuffix(got[0].File, "policies.hcl") || got[0].Line != 2 {
				t.Fatalf("got %+v", got)
			}
			if v := got[0]; v.Passed != (tt.want == "") || v.Failed() == v.Passed || !strings.HasPrefix(v.Message, tt.want) || v.Passed && v.Message != "" {
				t.Errorf("got %+v, want %q", v, tt.want)
			}
		})
	}
}

func TestPolicyMessages(t *testing.T) {
	tests := []struct{ message, want string }{
		{`"${plan.remove} removals in ${join(", ", plan.hosts)}, at most ${var.most}"`, "3 removals in a, b, at most 1"},
		{"<<-EOT\n    Not on a ${time.weekday}:\n      %{ for h in plan.hosts }${h} %{ endfor }\n    EOT", "Not on a Friday:\n  a b \n"},
		{"\"it's ä \\\"ñ\\\" $${x}\"", `it's ä "ñ" ${x}`},
	}
	for _, tt := range tests {
		list := policies(t, "policy \"x\" {\n  severity = \"warning\"\n  condition = plan.remove == 0\n  error_message = "+tt.message+"\n}\n")
		got := Judge(list, PlanFacts{Remove: 3, Hosts: []string{"a", "b"}}, friday)
		if len(got) != 1 || got[0].Message != tt.want || got[0].Failed() || got[0].Passed {
			t.Errorf("got %+v, want %q", got, tt.want)
		}
	}
}

// TestPoliciesEnd: the limits of evaluation also hold for policies from a saved
// plan.
func TestPoliciesEnd(t *testing.T) {
	grow := Source{Text: `length([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]]) > 0`}
	for _, s := range []Source{grow, {Text: strings.Repeat("(", 100_000)}, {Text: `"x${1e100000000}" == ""`}, {Text: "plan."}, {Text: `file("/etc/passwd") != ""`}} {
		began := time.Now()
		got := Judge([]Policy{{Name: "x", Timezone: "UTC", Severity: preflight.Error, Condition: s, Message: Source{Text: `"said"`}}}, PlanFacts{}, friday)
		if !got[0].Failed() || !strings.HasPrefix(got[0].Message, "It cannot be evaluated: ") || time.Since(began) > 15*time.Second {
			t.Errorf("%.40s: %+v after %s", s.Text, got, time.Since(began))
		}
	}
}

// TestPolicyExamples: the examples in docs/spec.md are valid.
func TestPolicyExamples(t *testing.T) {
	_, text, ok := strings.Cut(reference(t), "```hcl\npolicy ")
	if !ok {
		t.Fatal("there is no example")
	}
	text, _, _ = strings.Cut(text, "```")
	if list := policies(t, "policy "+text); len(list) != 3 {
		t.Errorf("got %d policies", len(list))
	}
}
