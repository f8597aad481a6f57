package node

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/modules/internal/kube"
)

func controlPlaneModule() Module {
	key, value := ControlPlaneLabel()
	return Module{Name: "cp-1", Labels: map[string]string{key: value, "zone": "a"}, Taints: []Taint{ControlPlaneTaint()}}
}

func TestDiffAndPatch(t *testing.T) {
	const done = `
metadata:
  resourceVersion: "7"
  labels: {node-role.kubernetes.io/control-plane: "", zone: a, kubernetes.io/os: linux}
  annotations:
    pmkctl.github.io/labels: node-role.kubernetes.io/control-plane,zone
    pmkctl.github.io/taints: node-role.kubernetes.io/control-plane:NoSchedule
spec:
  taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]
`
	tests := []struct {
		name  string
		m     Module
		node  string
		diff  []string
		patch string
	}{
		{"nothing", controlPlaneModule(), done, nil, "null\n"},
		{"nothing wanted, nothing owned", Module{Name: "w"}, "metadata: {labels: {a: b}}", nil, "null\n"},
		{"new node", controlPlaneModule(), `
metadata: {resourceVersion: "3", labels: {kubernetes.io/os: linux}}
spec: {taints: [{key: node.kubernetes.io/not-ready, effect: NoSchedule, timeAdded: now}]}`,
			[]string{`add label node-role.kubernetes.io/control-plane: -> ""`, `add label zone: -> "a"`,
				`add taint node-role.kubernetes.io/control-plane:NoSchedule: -> node-role.kubernetes.io/control-plane:NoSchedule`}, `
metadata:
  annotations:
    pmkctl.github.io/labels: node-role.kubernetes.io/control-plane,zone
    pmkctl.github.io/taints: node-role.kubernetes.io/control-plane:NoSchedule
  labels:
    node-role.kubernetes.io/control-plane: ""
    zone: a
  resourceVersion: "3"
spec:
  taints:
  - effect: NoSchedule
    key: node.kubernetes.io/not-ready
    timeAdded: now
  - effect: NoSchedule
    key: node-role.kubernetes.io/control-plane
`},
		{"no longer wanted", Module{Name: "cp-1"}, done,
			[]string{`remove label node-role.kubernetes.io/control-plane: "" ->`, `remove label zone: "a" ->`,
				`remove taint node-role.kubernetes.io/control-plane:NoSchedule: node-role.kubernetes.io/control-plane:NoSchedule ->`}, `
metadata:
  annotations:
    pmkctl.github.io/labels: ""
    pmkctl.github.io/taints: ""
  labels:
    node-role.kubernetes.io/control-plane: null
    zone: null
  resourceVersion: "7"
spec:
  taints: []
`},
		{"set by hand before", Module{Name: "w", Labels: map[string]string{"a": "b"}}, "metadata: {labels: {a: b}}",
			[]string{"update annotation pmkctl.github.io/labels: -> a"}, `
metadata:
  annotations:
    pmkctl.github.io/labels: a
    pmkctl.github.io/taints: ""
  labels:
    a: b
`},
		{"other value", Module{Name: "w", Taints: []Taint{{"k", "new", "NoExecute"}}}, `
metadata: {resourceVersion: "1", annotations: {pmkctl.github.io/taints: "k:NoExecute"}}
spec: {taints: [{key: k, value: old, effect: NoExecute}, {key: k, value: old, effect: NoSchedule}]}`,
			[]string{"update taint k:NoExecute: k=old:NoExecute -> k=new:NoExecute"}, `
metadata:
  annotations:
    pmkctl.github.io/labels: ""
    pmkctl.github.io/taints: k:NoExecute
  labels: {}
  resourceVersion: "1"
spec:
  taints:
  - effect: NoSchedule
    key: k
    value: old
  - effect: NoExecute
    key: k
    value: new
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var o kube.Object
			if err := yaml.Unmarshal([]byte(tt.node), &o); err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, c := range tt.m.diff(o) {
				line := fmt.Sprintf("%s %s:", c.Action, c.Item[len(tt.m.item())+1:])
				if c.Have != "" {
					line += " " + c.Have
				}
				line += " ->"
				if c.Want != "" {
					line += " " + c.Want
				}
				lines = append(lines, line)
			}
			if diff := cmp.Diff(tt.diff, lines); diff != "" {
				t.Error(diff)
			}
			patch, err := yaml.Marshal(tt.m.patch(o))
			if err != nil {
				t.Fatal(err)
			}
			if want := trimStart(tt.patch); string(patch) != want && !(want == "null\n" && string(patch) == "{}\n") {
				t.Errorf("patch: got %s, want %s", patch, want)
			}
		})
	}
}

func trimStart(s string) string {
	if len(s) > 0 && s[0] == '\n' {
		return s[1:]
	}
	return s
}
