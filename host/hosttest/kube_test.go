package hosttest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/host"
)

func send(t *testing.T, h *Host, method, path, contentType, body string) (int, map[string]any) {
	t.Helper()
	r, err := h.Kube(ctx, host.KubeRequest{Method: method, Path: path, ContentType: contentType, Body: []byte(body)})
	check(t, err)
	var v map[string]any
	check(t, json.Unmarshal(r.Body, &v))
	return r.Status, v
}

func kube(t *testing.T, h *Host, method, path, contentType, body string) map[string]any {
	t.Helper()
	code, v := send(t, h, method, path, contentType, body)
	if code >= 300 {
		t.Fatalf("%s %s: %d %v", method, path, code, v["message"])
	}
	return v
}

const (
	applyType = "application/apply-patch+yaml"
	mergeType = "application/merge-patch+json"
	configs   = "/api/v1/namespaces/kube-system/configmaps"
)

func TestKubeStatus(t *testing.T) {
	h := New("h", WithService("kube-apiserver"))
	cm := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1"}}`
	tests := []struct {
		method, path, contentType, body string
		want                            int
	}{
		{"GET", configs + "/a", "", "", 404},
		{"POST", configs, "", cm, 201},
		{"POST", configs, "", cm, 409},
		{"GET", configs + "/a", "", "", 200},
		{"PUT", configs + "/a", "", cm, 200},
		{"PUT", configs + "/a", "", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","resourceVersion":"1"}}`, 409},
		{"PUT", configs + "/b", "", strings.Replace(cm, `"a"`, `"b"`, 1), 404},
		{"PUT", configs + "/b", "", cm, 400},
		{"PATCH", configs + "/b", mergeType, `{}`, 404},
		{"PATCH", configs + "/a", "application/json-patch+json", `{}`, 415},
		{"PATCH", configs + "/a", applyType, cm, 400},
		{"PATCH", configs + "/b?fieldManager=m", applyType, strings.Replace(cm, `"a"`, `"b"`, 1), 201},
		{"POST", "/api/v1/namespaces/none/configmaps", "", cm, 404},
		{"POST", configs, "", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}`, 400},
		{"GET", "/apis/none/v1/things", "", "", 404},
		{"DELETE", configs + "/a", "", "", 200},
		{"DELETE", configs + "/a", "", "", 404},
		{"GET", "/version", "", "", 200},
	}
	for i, tt := range tests {
		if got, v := send(t, h, tt.method, tt.path, tt.contentType, tt.body); got != tt.want {
			t.Errorf("%d: %s %s: got %d, want %d: %v", i, tt.method, tt.path, got, tt.want, v)
		}
	}
	check(t, h.Unit(ctx, "kube-apiserver.service", host.Stop))
	if _, err := h.Kube(ctx, host.KubeRequest{Method: "GET", Path: "/version"}); err == nil {
		t.Error("a stopped API server answers")
	}
}

func TestApply(t *testing.T) {
	h := New("h", WithService("kube-apiserver", "kubelet", "flanneld"))
	const path = "/apis/apps/v1/namespaces/kube-system/deployments/dns"
	body := func(spec string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: dns, labels: {a: b}}\nspec: " + spec
	}
	as := func(manager, spec string) (int, map[string]any) {
		return send(t, h, "PATCH", path+"?fieldManager="+manager, applyType, body(spec))
	}
	containers := `template: {spec: {containers: [{name: c, image: i:1, ports: [{containerPort: 53, protocol: UDP}]}, {name: d, image: j}]}}`
	if code, _ := as("m", "{replicas: 2, "+containers+"}"); code != 201 {
		t.Fatalf("got %d", code)
	}
	first := kube(t, h, "GET", path, "", "")
	if dig(first, "status", "availableReplicas") != 2.0 || dig(first, "spec", "revisionHistoryLimit") != 10.0 {
		t.Errorf("got %v", first)
	}
	as("m", "{replicas: 2, "+containers+"}")
	if again := kube(t, h, "GET", path, "", ""); dig(again, "metadata", "resourceVersion") != dig(first, "metadata", "resourceVersion") {
		t.Error("applying the same again changed the object")
	}
	// The manager does not apply a container and the replicas any more: the
	// container is deleted, and the server sets the replicas.
	as("m", `{template: {spec: {containers: [{name: c, image: i:2}]}}}`)
	third := kube(t, h, "GET", path, "", "")
	list := dig(third, "spec", "template", "spec", "containers").([]any)
	if got := fmt.Sprintln(dig(third, "spec", "replicas"), len(list), dig(list[0], "image"), dig(third, "metadata", "generation")); got != "1 1 i:2 2\n" {
		t.Errorf("got %s: %v", got, third)
	}
	// A change by another manager is a conflict until it is forced.
	kube(t, h, "PATCH", path+"?fieldManager=kubectl-edit", "application/strategic-merge-patch+json", `{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"evil"}]}}}}`)
	if code, v := as("m", `{template: {spec: {containers: [{name: c, image: i:2}]}}}`); code != 409 || !strings.Contains(fmt.Sprint(v["message"]), "kubectl-edit") {
		t.Errorf("got %d %v", code, v)
	}
	if code, _ := as("m&force=true", `{template: {spec: {containers: [{name: c, image: i:2}]}}}`); code != 200 {
		t.Errorf("got %d", code)
	}
	if o := h.Cluster().Object(path); dig(dig(o, "spec", "template", "spec", "containers").([]any)[0], "image") != "i:2" {
		t.Errorf("got %v", o)
	}
}

func TestSecretsCarryNoData(t *testing.T) {
	h := New("h", WithService("kube-apiserver"))
	kube(t, h, "POST", "/api/v1/namespaces/default/secrets", "", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"k":"czNjcmV0"}}`)
	if list := fmt.Sprint(kube(t, h, "GET", "/api/v1/secrets", "", "")); strings.Contains(list, "czNjcmV0") || !strings.Contains(list, "name:a") {
		t.Errorf("got %s", list)
	}
}

func TestNodes(t *testing.T) {
	cp, worker := New("cp-1", WithAddress("192.0.2.11")), New("worker-1", WithAddress("192.0.2.12"))
	NewCluster(cp, worker)
	WithPrograms("kubelet")(worker.Admin())
	WithFile("/etc/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/local/bin/kubelet --hostname-override=w --node-labels=role=x --register-with-taints=t=v:NoSchedule\n")(worker.Admin())
	check(t, worker.Unit(ctx, "", host.Reload))
	check(t, worker.Unit(ctx, "kubelet.service", host.Start))
	WithService("kube-apiserver")(cp.Admin())
	ready := func() string {
		n := kube(t, cp, "GET", "/api/v1/nodes/w", "", "")
		return fmt.Sprint(dig(dig(n, "status", "conditions").([]any)[0], "status"))
	}
	n := kube(t, cp, "GET", "/api/v1/nodes/w", "", "")
	if dig(n, "metadata", "labels", "role") != "x" || dig(n, "spec", "podCIDR") != "10.244.0.0/24" || fmt.Sprint(dig(n, "spec", "taints")) != "[map[effect:NoSchedule key:t value:v]]" ||
		dig(dig(n, "status", "addresses").([]any)[0], "address") != "192.0.2.12" {
		t.Errorf("got %v", n)
	}
	if got := ready(); got != "False" {
		t.Errorf("ready is %s", got)
	}
	WithFile("/etc/cni/net.d/10-flannel.conflist", "{}")(worker.Admin())
	if got := ready(); got != "True" {
		t.Errorf("ready is %s", got)
	}
	if l := kube(t, cp, "GET", "/api/v1/nodes?labelSelector=role=x,kubernetes.io/os", "", ""); len(l["items"].([]any)) != 1 {
		t.Errorf("got %v", l)
	}
	check(t, worker.Unit(ctx, "kubelet.service", host.Stop))
	if got := ready(); got != "Unknown" {
		t.Errorf("ready is %s", got)
	}
	if r, err := worker.Get(ctx, host.GetRequest{URL: "https://192.0.2.11:6443/readyz"}); err != nil || r.Status != 200 {
		t.Errorf("got %+v, %v", r, err)
	}
}
