package object

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/internal/golden"
)

func dns() DNS {
	return DNS{Image: "registry.k8s.io/coredns/coredns:v1.14.7", ClusterIP: netip.MustParseAddr("10.96.0.10"), Domain: "cluster.local"}
}

func TestObjects(t *testing.T) {
	upstream := dns()
	upstream.Upstream, upstream.Replicas = []string{"/etc/resolv.conf"}, 1
	own := dns()
	own.Corefile = ".:53 {\n  \"quoted\": {{.}}\n}\n"
	tests := map[string]func() ([]Object, error){
		"rbac":             RBAC,
		"coredns":          func() ([]Object, error) { return CoreDNS(dns()) },
		"coredns-upstream": func() ([]Object, error) { return CoreDNS(upstream) },
		"coredns-corefile": func() ([]Object, error) { return CoreDNS(own) },
	}
	for name, objects := range tests {
		t.Run(name, func(t *testing.T) {
			list, err := objects()
			if err != nil {
				t.Fatal(err)
			}
			a := &txtar.Archive{}
			for _, o := range list {
				path, err := pathOf(o)
				if err != nil {
					t.Fatal(err)
				}
				text, err := yaml.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				a.Files = append(a.Files, txtar.File{Name: path, Data: text})
			}
			golden.Text(t, "testdata/golden/"+name+".txtar", string(txtar.Format(a)))
		})
	}
}

func TestDNSAddress(t *testing.T) {
	tests := []struct{ services, want string }{
		{"10.96.0.0/12", "10.96.0.10"},
		{"10.96.3.7/16", "10.96.0.10"},
		{"192.0.2.240/28", "192.0.2.250"},
		{"fd00::/108", "fd00::a"},
		{"192.0.2.248/29", "invalid IP"},
	}
	for _, tt := range tests {
		t.Run(tt.services, func(t *testing.T) {
			if got := DNSAddress(netip.MustParsePrefix(tt.services)).String(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDiffering(t *testing.T) {
	tests := []struct {
		name       string
		have, want string // YAML
		h, w       string // "" if they do not differ
	}{
		{"equal", "a: 1", "a: 1", "", ""},
		{"more is there", "a: 1\nb: {c: 2}", "a: 1", "", ""},
		{"value", "a: 1\nb: 2", "a: 1\nb: 3", "b: 2\n", "b: 3\n"},
		{"missing", "a: 1", "a: 1\nb: {c: 3}", "{}\n", "b:\n  c: 3\n"},
		{"empty map", "a: {}", "a: {}", "", ""},
		{"keyed list in another order", "env: [{name: a, value: x}, {name: b, value: y}]", "env: [{name: b, value: y}]", "", ""},
		{"keyed list with defaults", "containers: [{name: a, image: x, tty: false}]", "containers: [{name: a, image: x}]", "", ""},
		{"in a keyed list", "containers: [{name: a, image: x}]", "containers: [{name: a, image: z}]",
			"containers:\n- image: x\n  name: a\n", "containers:\n- image: z\n  name: a\n"},
		{"missing in a keyed list", "env: []", "env: [{name: a}]", "env: []\n", "env:\n- name: a\n"},
		{"ports by number and protocol", "ports: [{port: 53, protocol: TCP, nodePort: 1}, {port: 53, protocol: UDP}]", "ports: [{port: 53, protocol: UDP}]", "", ""},
		{"other list", "args: [a, b]", "args: [a, c]", "args:\n- a\n- b\n", "args:\n- a\n- c\n"},
		{"shorter list", "verbs: [get]", "verbs: [get, list]", "verbs:\n- get\n", "verbs:\n- get\n- list\n"},
		{"longer list", "verbs: [get, list]", "verbs: [get]", "verbs:\n- get\n- list\n", "verbs:\n- get\n"},
		{"list of maps by position", "rules: [{verbs: [get], extra: 1}]", "rules: [{verbs: [get]}]", "", ""},
		{"another type", "a: x", "a: {b: 1}", "a: x\n", "a:\n  b: 1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, w, differs := differing("", plain(object(t, tt.have)), plain(object(t, tt.want)))
			if !differs {
				h, w = nil, nil
			}
			if got := yamlOf(t, h) + "|" + yamlOf(t, w); got != tt.h+"|"+tt.w {
				t.Errorf("got %s, want %s|%s", got, tt.h, tt.w)
			}
		})
	}
}

func TestSurplus(t *testing.T) {
	const want = `
metadata: {labels: {a: x}}
spec:
  replicas: 1
  template: {spec: {containers: [{name: c, image: i, ports: [{containerPort: 53, protocol: UDP}]}]}}
`
	tests := []struct {
		name, fields string
		want         []string
	}{
		{"all wanted", `{"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:replicas":{}}}`, nil},
		{"label", `{"f:metadata":{"f:labels":{".":{},"f:a":{},"f:b":{}}}}`, []string{"metadata.labels.b"}},
		{"item of a list", `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{}},"k:{\"name\":\"d\"}":{".":{},"f:image":{}}}}}}}`,
			[]string{`spec.template.spec.containers[{"name":"d"}]`}},
		{"in an item of a list", `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{"f:tty":{}, "f:ports":{"k:{\"containerPort\":53,\"protocol\":\"UDP\"}":{".":{}}}}}}}}}`,
			[]string{`spec.template.spec.containers[{"name":"c"}].tty`}},
		{"values of a set", `{"f:metadata":{"f:labels":{"v:\"x\"":{}}}}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var fields any
			if err := json.Unmarshal([]byte(tt.fields), &fields); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, surplus(fields, plain(object(t, want)), "")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPending(t *testing.T) {
	tests := []struct{ name, object, want string }{
		{"available", "metadata: {generation: 2}\nspec: {replicas: 2}\nstatus: {observedGeneration: 2, updatedReplicas: 2, availableReplicas: 2, conditions: [{type: Available, status: 'True'}]}", ""},
		{"new", "metadata: {generation: 1}\nspec: {replicas: 2}", "its last change was not seen yet"},
		{"no pod", "metadata: {generation: 2}\nspec: {replicas: 2}\nstatus: {observedGeneration: 2, conditions: [{type: Available, status: 'True'}]}", "no pod of its last change is there yet"},
		{"some", "metadata: {generation: 2}\nspec: {replicas: 2}\nstatus: {observedGeneration: 2, updatedReplicas: 2, availableReplicas: 1, conditions: [{type: Available, status: 'False'}]}", "1 of 2 pods are available"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := pending(object(t, tt.object)); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPodTrouble(t *testing.T) {
	tests := []struct{ name, pod, want string }{
		{"waits", "status: {containerStatuses: [{state: {waiting: {reason: ErrImagePull, message: no such image}}}]}", "ErrImagePull: no such image"},
		{"waits without a message", "status: {containerStatuses: [{state: {waiting: {reason: ContainerCreating}}}]}", "ContainerCreating"},
		{"not scheduled", "status: {conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: 0/3 nodes}]}", "PodScheduled is false: Unschedulable: 0/3 nodes"},
		{"fine", "status: {conditions: [{type: Ready, status: 'True'}]}", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := podTrouble(object(t, tt.pod)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestUnknownKind: the path of an unknown kind is an error.
func TestUnknownKind(t *testing.T) {
	_, err := pathOf(Object{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "x"}})
	if err == nil || !strings.Contains(err.Error(), "kind Secret is not known") {
		t.Errorf("got %v", err)
	}
}

func object(t *testing.T, text string) Object {
	t.Helper()
	var o Object
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func yamlOf(t *testing.T, v any) string {
	t.Helper()
	if v == nil {
		return ""
	}
	b, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDelete deletes objects that pmkctl has made and does not want any more, and
// none that somebody else has made under the same name.
func TestDelete(t *testing.T) {
	h := hosttest.New("cp-1", hosttest.WithService("kube-apiserver"))
	config := func(name string) Object {
		return Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "kube-system"},
			"data": map[string]any{"k": "x"}}
	}
	converge := func(m Module) change.Diff {
		t.Helper()
		d, err := m.Check(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Apply(t.Context(), h, d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	converge(Module{Objects: []Object{config("a"), config("b")}})
	body := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"theirs","namespace":"kube-system"}}`
	if _, err := h.Admin().Kube(t.Context(), host.KubeRequest{Method: "POST", Path: "/api/v1/namespaces/kube-system/configmaps", Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
	m := Module{Objects: []Object{config("a")}, Delete: []string{"configmap/kube-system/b", "configmap/kube-system/never", "configmap/kube-system/theirs", "volume/x"}}
	want := change.Diff{{Kind: change.Object, Action: change.Remove, Item: "configmap/kube-system/b"}}
	if d := converge(m); !slices.Equal(d, want) {
		t.Errorf("got %v, want %v", d, want)
	}
	if d := converge(m); len(d) > 0 {
		t.Errorf("still to do: %v", d)
	}
	for name, there := range map[string]bool{"a": true, "b": false, "theirs": true} {
		if o := h.Cluster().Object("/api/v1/namespaces/kube-system/configmaps/" + name); (o != nil) != there {
			t.Errorf("%s: there %v, want %v", name, o != nil, there)
		}
	}
}

func TestPathOfName(t *testing.T) {
	for name, want := range map[string]string{
		"deployment/kube-system/coredns":    "/apis/apps/v1/namespaces/kube-system/deployments/coredns",
		"clusterrolebinding/system:flannel": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:flannel",
		"service/kube-system/kube-dns":      "/api/v1/namespaces/kube-system/services/kube-dns",
		"node/worker-1":                     "",
	} {
		if got := pathOfName(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestTaken: the name of another writer of a field is returned.
func TestTaken(t *testing.T) {
	have := Object{"metadata": map[string]any{"managedFields": []any{
		map[string]any{"manager": "pmkctl", "operation": "Apply", "fieldsV1": map[string]any{"f:data": map[string]any{"f:k": map[string]any{}}}},
		map[string]any{"manager": "kubectl-edit", "operation": "Update", "time": "2026-11-22T19:40:00Z", "fieldsV1": map[string]any{"f:spec": map[string]any{
			"f:replicas": map[string]any{}, "f:containers": map[string]any{`k:{"name":"x"}`: map[string]any{"f:image": map[string]any{}}}}}},
		map[string]any{"manager": "controller", "subresource": "status", "fieldsV1": map[string]any{"f:status": map[string]any{"f:k": map[string]any{}}}},
	}}}
	const by = "written by kubectl-edit on 2026-11-22T19:40:00Z"
	spec := func(k string, v any) any { return map[string]any{"spec": map[string]any{k: v}} }
	container := func(name, field string) any {
		return spec("containers", []any{map[string]any{"name": name, field: "1"}})
	}
	tests := []struct {
		name string
		part any
		want string
	}{
		{"a field of theirs", spec("replicas", int64(2)), by},
		{"a field of ours", map[string]any{"data": map[string]any{"k": "x"}}, ""},
		{"a field of nobody", spec("paused", true), ""},
		{"in a list", container("x", "image"), by},
		{"another item", container("y", "image"), ""},
		{"another field of the item", container("x", "command"), ""},
		{"status", map[string]any{"status": map[string]any{"k": "x"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := taken(have, tt.part); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
