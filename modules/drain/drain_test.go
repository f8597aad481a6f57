package drain

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

type object = map[string]any

// cluster returns a control-plane host and a worker with pods.
func cluster(t *testing.T, pods ...object) (api, worker *hosttest.Host) {
	t.Helper()
	api = hosttest.New("cp-1", hosttest.WithService("kube-apiserver"))
	worker = hosttest.New("worker-1", hosttest.WithService("kubelet", "flanneld"))
	hosttest.NewCluster(api, worker)
	for _, p := range pods {
		create(t, api, "/api/v1/namespaces/default/pods", p)
	}
	return api, worker
}

func create(t *testing.T, h *hosttest.Host, path string, o object) {
	t.Helper()
	body, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := h.Admin().Kube(context.Background(), host.KubeRequest{Method: http.MethodPost, Path: path, ContentType: "application/json", Body: body}); err != nil || r.Status > 299 {
		t.Fatalf("%d %s %v", r.Status, r.Body, err)
	}
}

// runs returns a pod on worker-1. meta is added to its metadata.
func runs(name, phase string, meta object) object {
	m := object{"name": name, "namespace": "default", "labels": object{"app": name}}
	for k, v := range meta {
		m[k] = v
	}
	return object{"apiVersion": "v1", "kind": "Pod", "metadata": m, "spec": object{"nodeName": "worker-1"}, "status": object{"phase": phase}}
}

func owned(kind string) object {
	return object{"ownerReferences": []any{object{"kind": kind, "name": "x", "controller": true}}}
}

var all = []object{
	runs("alone", "Running", nil),
	runs("ended", "Succeeded", nil),
	runs("logs", "Running", owned("DaemonSet")),
	runs("static", "Running", object{"annotations": object{"kubernetes.io/config.mirror": "x"}}),
	runs("web", "Pending", owned("ReplicaSet")),
}

func TestDrain(t *testing.T) {
	api, _ := cluster(t, all...)
	m := Module{Node: "worker-1", Limit: time.Minute}
	d, err := m.Check(t.Context(), api)
	want := change.Change{Kind: change.Object, Action: change.Remove, Item: "pods on node/worker-1",
		Why: "cordoned; evicted: default/alone, default/web; nothing starts these again: default/alone"}
	if err != nil || len(d) != 1 || d[0] != want {
		t.Fatalf("got %+v, %v", d, err)
	}
	if err := m.Apply(t.Context(), api, d); err != nil {
		t.Fatal(err)
	}
	if d, err := m.Check(t.Context(), api); err != nil || len(d) > 0 {
		t.Errorf("afterwards: got %v, %v", d, err)
	}
	for name, stays := range map[string]bool{"alone": false, "web": false, "logs": true, "static": true, "ended": true} {
		if is := api.Cluster().Object("/api/v1/namespaces/default/pods/"+name) != nil; is != stays {
			t.Errorf("pod %s is there: %v, want %v", name, is, stays)
		}
	}
}

func TestDrainIsHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, worker := cluster(t, append([]object{runs("slow", "Running", object{"finalizers": []any{"example.com/x"}})}, all...)...)
		create(t, api, "/apis/policy/v1/namespaces/default/poddisruptionbudgets", object{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
			"metadata": object{"name": "web", "namespace": "default"}, "spec": object{"selector": object{"matchLabels": object{"app": "web"}}},
			"status": object{"disruptionsAllowed": 0}})
		m := Module{Node: "worker-1", Limit: time.Minute}
		began := time.Now()
		err := m.Apply(t.Context(), api, nil)
		want := "node worker-1 is cordoned, and after 1m0s still has pods:\n" +
			"  default/slow: it was told to end and has not\n" +
			"  default/web: Cannot evict pod as it would violate the pod's disruption budget.\n"
		if err == nil || !strings.HasPrefix(err.Error(), want) || time.Since(began) < m.Limit {
			t.Errorf("after %s: got %v", time.Since(began), err)
		}
		// Without a kubelet pods cannot end and are not waited for. The budget still
		// counts.
		worker.PowerOff()
		if err := m.Apply(t.Context(), api, nil); err == nil || strings.Contains(err.Error(), "default/slow") || !strings.Contains(err.Error(), "default/web") {
			t.Errorf("without a kubelet: got %v", err)
		}
	})
}

// TestDrainLost: a lost host ends Apply at once, and the next run goes on.
func TestDrainLost(t *testing.T) {
	api, _ := cluster(t, all...)
	api.CutDuring(1)
	m := Module{Node: "worker-1", Limit: time.Minute}
	if err := m.Apply(t.Context(), api, nil); err == nil || !strings.Contains(err.Error(), host.ErrLost.Error()) {
		t.Errorf("got %v", err)
	}
	api.Reconnect()
	if err := m.Apply(t.Context(), api, nil); err != nil {
		t.Error(err)
	}
}

func TestCheckWithoutNode(t *testing.T) {
	api, _ := cluster(t)
	if d, err := (Module{Node: "worker-9"}).Check(t.Context(), api); err != nil || len(d) > 0 {
		t.Errorf("of no Node: got %v, %v", d, err)
	}
	d, err := Module{Node: "worker-1", APIServer: address.MustParse("kube-apiserver.cp-1")}.Check(t.Context(), hosttest.New("bare"))
	if err != nil || len(d) != 1 || d[0].Until != address.MustParse("kube-apiserver.cp-1") || d.Action() != change.Remove {
		t.Errorf("while the API server is down: got %v, %v", d, err)
	}
}
