package hosttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A store is the content of etcd.
type store struct {
	version  string
	begun    bool
	revision int
	nodes    int // number of Nodes that have got a subnet
	services int // number of Services that have got an address
	objects  map[string]*object
	beats    map[string]time.Time // when the kubelet of a Node last reported, by path
}

// An object is an object of the API with the managers of its fields, for
// server-side apply.
type object struct {
	data   map[string]any
	owners map[string]map[string]bool // field -> managers
}

func newStore() store {
	return store{version: "v1.36.0", objects: map[string]*object{}, beats: map[string]time.Time{}}
}

// begin is called at the first start of an API server.
func (s *store) begin() {
	if s.begun {
		return
	}
	s.begun = true
	add := func(p string, data map[string]any) { s.save(p, &object{data: data}) }
	for _, ns := range []string{"default", "kube-system", "kube-public", "kube-node-lease"} {
		add("/api/v1/namespaces/"+ns, thing("v1", "Namespace", "", ns))
	}
	service := thing("v1", "Service", "default", "kubernetes")
	service["spec"] = map[string]any{"clusterIP": "10.96.0.1", "type": "ClusterIP"}
	add("/api/v1/namespaces/default/services/kubernetes", service)
	for _, role := range []string{"cluster-admin", "system:node", "system:node-proxier", "system:kube-dns", "system:kube-scheduler", "system:kube-controller-manager", "system:kubelet-api-admin"} {
		add("/apis/rbac.authorization.k8s.io/v1/clusterroles/"+role, thing("rbac.authorization.k8s.io/v1", "ClusterRole", "", role))
	}
	for _, p := range []string{"system-cluster-critical", "system-node-critical"} {
		add("/apis/scheduling.k8s.io/v1/priorityclasses/"+p, thing("scheduling.k8s.io/v1", "PriorityClass", "", p))
	}
}

func thing(apiVersion, kind, namespace, name string) map[string]any {
	meta := map[string]any{"name": name}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": meta}
}

// save stores an object with a new resource version.
func (s *store) save(p string, o *object) {
	s.revision++
	meta := o.data["metadata"].(map[string]any)
	meta["resourceVersion"] = fmt.Sprint(s.revision)
	if meta["uid"] == nil {
		meta["uid"] = fmt.Sprintf("00000000-0000-4000-8000-%012d", s.revision)
		meta["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
	}
	s.objects[p] = o
}

func nodePath(node string) string { return path.Join("/api/v1/nodes", node) }

// register makes or updates the Node of a host whose kubelet runs. The first
// report since a kubelet's start updates the heartbeat; a later one with no
// news does not.
func (s *store) register(h state, first bool) {
	p := nodePath(h.Node)
	o := s.objects[p]
	if o == nil {
		o = &object{data: thing("v1", "Node", "", h.Node)}
		labels := map[string]any{}
		for k, v := range h.Labels {
			labels[k] = v
		}
		o.data["metadata"].(map[string]any)["labels"] = labels
		cidr := fmt.Sprintf("10.244.%d.0/24", s.nodes)
		s.nodes++
		spec := map[string]any{"podCIDR": cidr, "podCIDRs": []any{cidr}}
		if len(h.Taints) > 0 {
			spec["taints"] = h.Taints
		}
		o.data["spec"] = spec
	}
	ready := readiness(h)
	if have, _ := dig(o.data, "status", "conditions").([]any); first || len(have) == 0 || !same(have[0], ready) {
		s.beats[p] = time.Now()
	}
	o.data["status"] = map[string]any{
		"addresses":  []any{map[string]any{"type": "InternalIP", "address": h.NodeIP}, map[string]any{"type": "Hostname", "address": h.Node}},
		"nodeInfo":   map[string]any{"architecture": h.Arch, "kubeletVersion": s.version, "operatingSystem": "linux"},
		"conditions": []any{ready},
	}
	s.save(p, o)
}

func readiness(h state) map[string]any {
	switch {
	case h.ready():
		return map[string]any{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
	case h.Hasty:
		return map[string]any{"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "container runtime is down"}
	}
	return map[string]any{"type": "Ready", "status": "False", "reason": "KubeletNotReady",
		"message": "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"}
}

// unready marks a Node whose kubelet has stopped.
func (s *store) unready(node string) {
	p := nodePath(node)
	if o := s.objects[p]; o != nil {
		o.data["status"].(map[string]any)["conditions"] = []any{map[string]any{"type": "Ready", "status": "Unknown",
			"reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}}
		s.save(p, o)
	}
}

func (s *store) readyNodes() int {
	n := 0
	for p, o := range s.objects {
		if !strings.HasPrefix(p, "/api/v1/nodes/") {
			continue
		}
		conditions, _ := dig(o.data, "status", "conditions").([]any)
		for _, c := range conditions {
			if c := c.(map[string]any); c["type"] == "Ready" && c["status"] == "True" {
				n++
			}
		}
	}
	return n
}

// present returns an object as the API server and its controllers show it.
func (s *store) present(o *object) map[string]any {
	data := clone(o.data).(map[string]any)
	if fields := managed(o.owners); len(fields) > 0 {
		data["metadata"].(map[string]any)["managedFields"] = fields
	}
	switch data["kind"] {
	case "Node":
		conditions, _ := dig(data, "status", "conditions").([]any)
		for _, c := range conditions {
			c.(map[string]any)["lastHeartbeatTime"] = s.beats[nodePath(dig(data, "metadata", "name").(string))].UTC().Format(time.RFC3339)
		}
	case "Secret":
		delete(data, "data")
		delete(data, "stringData")
	case "Deployment":
		want := number(dig(data, "spec", "replicas"), 1)
		have := 0.0
		if s.readyNodes() > 0 {
			have = want
		}
		data["status"] = map[string]any{"observedGeneration": dig(data, "metadata", "generation"), "replicas": want, "updatedReplicas": want,
			"readyReplicas": have, "availableReplicas": have, "unavailableReplicas": want - have,
			"conditions": []any{map[string]any{"type": "Available", "status": map[bool]string{true: "True", false: "False"}[have == want]}}}
	case "DaemonSet":
		n := float64(s.readyNodes())
		data["status"] = map[string]any{"observedGeneration": dig(data, "metadata", "generation"), "desiredNumberScheduled": n,
			"currentNumberScheduled": n, "updatedNumberScheduled": n, "numberReady": n, "numberAvailable": n}
	}
	return data
}

func number(v any, otherwise float64) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	case int:
		return float64(v)
	}
	return otherwise
}

// A writing is a request that changes an object.
type writing struct {
	t       target
	old     *object
	body    map[string]any
	manager string
	force   bool
	dry     bool
}

func (s *store) create(w writing) host.KubeResponse {
	o := &object{data: clone(w.body).(map[string]any), owners: map[string]map[string]bool{}}
	claim(o.owners, leaves(w.body), w.manager+" (update)")
	return s.commit(w, o, http.StatusCreated)
}

func (s *store) replace(w writing) host.KubeResponse {
	if have, sent := dig(w.old.data, "metadata", "resourceVersion"), dig(w.body, "metadata", "resourceVersion"); sent != nil && sent != have {
		return status(http.StatusConflict, "Conflict", "the object has been modified; please apply your changes to the latest version and try again")
	}
	return s.update(w, clone(w.body).(map[string]any))
}

func (s *store) patch(w writing, merge func(dst, patch map[string]any)) host.KubeResponse {
	data := clone(w.old.data).(map[string]any)
	merge(data, w.body)
	return s.update(w, data)
}

// update is a change without apply: the manager becomes the only one of all
// fields that differ.
func (s *store) update(w writing, data map[string]any) host.KubeResponse {
	o := &object{data: data, owners: copyOwners(w.old.owners)}
	before, after := leaves(w.old.data), leaves(data)
	for field := range before {
		if _, ok := after[field]; !ok {
			delete(o.owners, field)
		}
	}
	for field, v := range after {
		if v != before[field] {
			o.owners[field] = map[string]bool{w.manager + " (update)": true}
		}
	}
	return s.commit(w, o, http.StatusOK)
}

// apply is server-side apply. Fields that the manager applied before and does
// not apply now are removed, unless another manager has them too.
func (s *store) apply(w writing) host.KubeResponse {
	if w.manager == "" {
		return status(http.StatusBadRequest, "BadRequest", "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")
	}
	code := http.StatusOK
	if w.old == nil {
		w.old = &object{data: map[string]any{}}
		code = http.StatusCreated
	}
	o := &object{data: clone(w.old.data).(map[string]any), owners: copyOwners(w.old.owners)}
	wanted, before := leaves(w.body), leaves(w.old.data)
	var conflicts []string
	for field, v := range wanted {
		for owner := range o.owners[field] {
			if owner == w.manager || before[field] == v {
				continue
			}
			conflicts = append(conflicts, fmt.Sprintf("conflict with %q: %s", owner, field))
			delete(o.owners[field], owner)
		}
	}
	if len(conflicts) > 0 && !w.force {
		sort.Strings(conflicts)
		return status(http.StatusConflict, "Conflict", "Apply failed with conflicts: "+strings.Join(conflicts, ", "))
	}
	for field, owners := range o.owners {
		if _, ok := wanted[field]; ok || !owners[w.manager] {
			continue
		}
		if delete(owners, w.manager); len(owners) == 0 {
			prune(o.data, field)
			delete(o.owners, field)
		}
	}
	mergeStrategic(o.data, w.body)
	claim(o.owners, wanted, w.manager)
	return s.commit(w, o, code)
}

func claim(owners map[string]map[string]bool, fields map[string]string, manager string) {
	for field := range fields {
		if owners[field] == nil {
			owners[field] = map[string]bool{}
		}
		owners[field][manager] = true
	}
}

func copyOwners(owners map[string]map[string]bool) map[string]map[string]bool {
	c := map[string]map[string]bool{}
	for field, managers := range owners {
		c[field] = map[string]bool{}
		for m := range managers {
			c[field][m] = true
		}
	}
	return c
}

// commit fills in what the server adds and stores the object, unless nothing
// changed or it is a dry run.
func (s *store) commit(w writing, o *object, code int) host.KubeResponse {
	if o.data["metadata"] == nil {
		o.data["metadata"] = map[string]any{}
	}
	meta, ok := o.data["metadata"].(map[string]any)
	if !ok {
		return status(http.StatusBadRequest, "BadRequest", "metadata is no object")
	}
	o.data["kind"], o.data["apiVersion"], meta["name"] = w.t.kind, w.t.apiVersion, w.t.name
	if w.t.namespaced {
		meta["namespace"] = w.t.namespace
	}
	var before map[string]any
	if w.old != nil && w.old.data["metadata"] != nil {
		before = w.old.data
		for _, k := range []string{"uid", "creationTimestamp", "resourceVersion", "generation"} {
			if v := dig(before, "metadata", k); v != nil {
				meta[k] = v
			}
		}
	}
	s.complete(o.data)
	if before != nil && same(before, o.data) {
		if !w.dry {
			w.old.owners = o.owners
		}
		return jsonAnswer(code, s.present(o))
	}
	if before == nil || !same(before["spec"], o.data["spec"]) {
		meta["generation"] = number(meta["generation"], 0) + 1
	}
	if w.dry {
		return jsonAnswer(code, s.present(o))
	}
	s.save(w.t.path(w.t.name), o)
	return jsonAnswer(code, s.present(o))
}

// same compares values, whatever types the numbers have.
func same(a, b any) bool {
	x, err := json.Marshal(a)
	must(err)
	y, err := json.Marshal(b)
	must(err)
	return string(x) == string(y)
}
