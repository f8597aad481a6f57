package hosttest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/host"
)

// Kube implements host.Reader. The API server answers on hosts where its unit
// is active.
func (h *Host) Kube(ctx context.Context, r host.KubeRequest) (host.KubeResponse, error) {
	var answer host.KubeResponse
	serve := func() error {
		if !h.runs("kube-apiserver") {
			return fmt.Errorf("dial tcp 127.0.0.1:6443: connection refused: %w", host.ErrUnavailable)
		}
		answer = h.cluster.serve(r)
		return nil
	}
	var err error
	if r.Method == http.MethodGet {
		err = h.read(ctx, "Kube GET", r.Path, serve)
	} else {
		err = h.change(ctx, "Kube "+r.Method, r.Path, serve)
	}
	return answer, err
}

// Object returns a copy of a stored object by its path; nil if there is none.
func (c *Cluster) Object(p string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.catchUp()
	o := c.store.objects[p]
	if o == nil {
		return nil
	}
	return clone(c.store.present(o)).(map[string]any)
}

// Managed reports whether some manager wrote a field of an object, such as
// "spec/replicas", or a part of it.
func (c *Cluster) Managed(p, field string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.store.objects[p]; o != nil {
		for have := range o.owners {
			if have == field || strings.HasPrefix(have, field+"/") {
				return true
			}
		}
	}
	return false
}

// resources are the kinds that the API server serves. A capital N marks those
// in namespaces.
var resources = map[string]map[string]string{
	"/api/v1": {"namespaces": "Namespace", "nodes": "Node", "persistentvolumes": "PersistentVolume",
		"pods": "N Pod", "services": "N Service", "endpoints": "N Endpoints", "configmaps": "N ConfigMap", "secrets": "N Secret", "serviceaccounts": "N ServiceAccount", "events": "N Event"},
	"/apis/apps/v1":                      {"deployments": "N Deployment", "daemonsets": "N DaemonSet", "statefulsets": "N StatefulSet", "replicasets": "N ReplicaSet"},
	"/apis/batch/v1":                     {"jobs": "N Job", "cronjobs": "N CronJob"},
	"/apis/rbac.authorization.k8s.io/v1": {"clusterroles": "ClusterRole", "clusterrolebindings": "ClusterRoleBinding", "roles": "N Role", "rolebindings": "N RoleBinding"},
	"/apis/coordination.k8s.io/v1":       {"leases": "N Lease"},
	"/apis/discovery.k8s.io/v1":          {"endpointslices": "N EndpointSlice"},
	"/apis/policy/v1":                    {"poddisruptionbudgets": "N PodDisruptionBudget"},
	"/apis/scheduling.k8s.io/v1":         {"priorityclasses": "PriorityClass"},
	"/apis/storage.k8s.io/v1":            {"storageclasses": "StorageClass", "csidrivers": "CSIDriver"},
	"/apis/networking.k8s.io/v1":         {"networkpolicies": "N NetworkPolicy", "ingresses": "N Ingress"},
}

// A target is the object or list of a request.
type target struct {
	group       string // such as /api/v1
	apiVersion  string // such as v1, apps/v1
	resource    string
	kind        string
	namespaced  bool
	namespace   string
	name        string
	subresource string
}

// path returns where the object is stored.
func (t target) path(name string) string {
	p := t.group
	if t.namespaced {
		p += "/namespaces/" + t.namespace
	}
	return p + "/" + t.resource + "/" + name
}

func parseTarget(p string) (target, bool) {
	var t target
	for group := range resources {
		if strings.HasPrefix(p, group+"/") {
			t.group = group
		}
	}
	t.apiVersion = strings.TrimPrefix(strings.TrimPrefix(t.group, "/apis/"), "/api/")
	parts := strings.Split(strings.Trim(strings.TrimPrefix(p, t.group), "/"), "/")
	if len(parts) > 2 && parts[0] == "namespaces" && resources[t.group][parts[2]] != "" {
		t.namespace, parts = parts[1], parts[2:]
	}
	t.resource = parts[0]
	t.kind, t.namespaced = strings.CutPrefix(resources[t.group][t.resource], "N ")
	if len(parts) > 1 {
		t.name = parts[1]
	}
	if len(parts) > 2 {
		t.subresource = parts[2]
	}
	ok := t.group != "" && t.kind != "" && len(parts) <= 3 && (t.namespace == "" || t.namespaced)
	return t, ok && (t.subresource == "" || t.subresource == "status" || t.subresource == "eviction" && t.kind == "Pod")
}

func (c *Cluster) serve(r host.KubeRequest) host.KubeResponse {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.catchUp()
	u, err := url.Parse(r.Path)
	if err != nil {
		return status(http.StatusBadRequest, "BadRequest", err.Error())
	}
	switch u.Path {
	case "/healthz", "/livez", "/readyz":
		return host.KubeResponse{Status: http.StatusOK, Body: []byte("ok")}
	case "/version":
		return jsonAnswer(http.StatusOK, map[string]any{"major": "1", "minor": strings.Split(c.store.version, ".")[1], "gitVersion": c.store.version})
	}
	t, ok := parseTarget(u.Path)
	if !ok {
		return status(http.StatusNotFound, "NotFound", "the server could not find the requested resource")
	}
	if t.subresource == "eviction" {
		if r.Method != http.MethodPost {
			return status(http.StatusMethodNotAllowed, "MethodNotAllowed", "the server does not allow this method on the requested resource")
		}
		return c.store.evict(t)
	}
	switch r.Method {
	case http.MethodGet:
		if t.kind == "Lease" && t.namespace == "kube-node-lease" && t.name != "" {
			return c.lease(t)
		}
		if t.name == "" {
			return c.store.list(t, u.Query())
		}
		return c.store.get(t)
	case http.MethodDelete:
		return c.store.remove(t)
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return c.store.write(t, r, u.Query())
	}
	return status(http.StatusMethodNotAllowed, "MethodNotAllowed", "the server does not allow this method on the requested resource")
}

func jsonAnswer(code int, v any) host.KubeResponse {
	body, err := json.Marshal(v)
	must(err)
	return host.KubeResponse{Status: code, Body: body}
}

func status(code int, reason, message string) host.KubeResponse {
	return jsonAnswer(code, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code})
}

func notFound(t target) host.KubeResponse {
	resource := t.resource
	if g, _, ok := strings.Cut(t.apiVersion, "/"); ok {
		resource += "." + g
	}
	return status(http.StatusNotFound, "NotFound", fmt.Sprintf("%s %q not found", resource, t.name))
}

func (s *store) get(t target) host.KubeResponse {
	o := s.objects[t.path(t.name)]
	if o == nil {
		return notFound(t)
	}
	return jsonAnswer(http.StatusOK, s.present(o))
}

func (s *store) list(t target, q url.Values) host.KubeResponse {
	prefix := t.group + "/"
	if t.namespaced && t.namespace != "" {
		prefix = t.path("")
	}
	var paths []string
	for p, o := range s.objects {
		if strings.HasPrefix(p, prefix) && o.data["kind"] == t.kind && selected(o.data, q.Get("labelSelector"), q.Get("fieldSelector")) {
			paths = append(paths, p)
		}
	}
	sort.Strings(paths)
	items := []any{}
	for _, p := range paths {
		items = append(items, s.present(s.objects[p]))
	}
	return jsonAnswer(http.StatusOK, map[string]any{"kind": t.kind + "List", "apiVersion": t.apiVersion,
		"metadata": map[string]any{"resourceVersion": fmt.Sprint(s.revision)}, "items": items})
}

// selected reports whether equality selectors match an object.
func selected(o map[string]any, labels, fields string) bool {
	have, _ := dig(o, "metadata", "labels").(map[string]any)
	for _, term := range strings.Split(labels, ",") {
		k, v, equal := strings.Cut(strings.Replace(term, "==", "=", 1), "=")
		switch {
		case k == "":
		case equal && have[k] != v:
			return false
		case !equal && have[k] == nil:
			return false
		}
	}
	for _, term := range strings.Split(fields, ",") {
		if k, v, ok := strings.Cut(term, "="); ok && fmt.Sprint(dig(o, strings.Split(k, ".")...)) != v {
			return false
		}
	}
	return true
}

func (s *store) remove(t target) host.KubeResponse {
	p := t.path(t.name)
	if s.objects[p] == nil {
		return notFound(t)
	}
	delete(s.objects, p)
	if t.kind == "Namespace" {
		for q := range s.objects {
			if strings.Contains(q, "/namespaces/"+t.name+"/") {
				delete(s.objects, q)
			}
		}
	}
	if t.kind == "Node" { // pods without a Node are garbage
		for q, o := range s.objects {
			if o.data["kind"] == "Pod" && dig(o.data, "spec", "nodeName") == t.name {
				delete(s.objects, q)
			}
		}
	}
	s.revision++
	return jsonAnswer(http.StatusOK, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
}

// write answers POST, PUT and PATCH.
func (s *store) write(t target, r host.KubeRequest, q url.Values) host.KubeResponse {
	var body map[string]any
	if err := yaml.Unmarshal(r.Body, &body); err != nil || body == nil {
		return status(http.StatusBadRequest, "BadRequest", fmt.Sprintf("body is no object: %v", err))
	}
	if (t.name == "") != (r.Method == http.MethodPost) || t.namespaced && t.namespace == "" {
		return status(http.StatusMethodNotAllowed, "MethodNotAllowed", "the server does not allow this method on the requested resource")
	}
	if bad := s.checkBody(&t, r, body); bad != nil {
		return *bad
	}
	old := s.objects[t.path(t.name)]
	if t.namespaced && s.objects["/api/v1/namespaces/"+t.namespace] == nil {
		return status(http.StatusNotFound, "NotFound", fmt.Sprintf("namespaces %q not found", t.namespace))
	}
	w := writing{t: t, old: old, body: body, manager: q.Get("fieldManager"), force: q.Get("force") == "true", dry: q.Get("dryRun") == "All"}
	switch {
	case r.Method == http.MethodPost && old != nil:
		return status(http.StatusConflict, "AlreadyExists", fmt.Sprintf("%s %q already exists", t.resource, t.name))
	case r.Method == http.MethodPost:
		return s.create(w)
	case r.Method == http.MethodPatch && strings.HasPrefix(r.ContentType, "application/apply-patch"):
		return s.apply(w)
	case old == nil:
		return notFound(t)
	case r.Method == http.MethodPut:
		return s.replace(w)
	case r.ContentType == "application/merge-patch+json":
		return s.patch(w, mergePatch)
	case r.ContentType == "application/strategic-merge-patch+json":
		return s.patch(w, mergeStrategic)
	}
	return status(http.StatusUnsupportedMediaType, "UnsupportedMediaType", fmt.Sprintf("the body of the request was in an unknown format: %q", r.ContentType))
}

// checkBody compares the body with the path. It completes the path for POST.
func (s *store) checkBody(t *target, r host.KubeRequest, body map[string]any) *host.KubeResponse {
	name, _ := dig(body, "metadata", "name").(string)
	namespace, _ := dig(body, "metadata", "namespace").(string)
	if r.Method == http.MethodPost {
		t.name = name
	}
	whole := r.Method != http.MethodPatch || strings.HasPrefix(r.ContentType, "application/apply-patch")
	var message string
	switch {
	case whole && (body["kind"] != t.kind || body["apiVersion"] != t.apiVersion):
		message = fmt.Sprintf("%v %v in version %v cannot be handled as a %s", body["kind"], name, body["apiVersion"], t.kind)
	case whole && t.name == "" || name != "" && name != t.name:
		message = fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", name, t.name)
	case namespace != "" && namespace != t.namespace:
		message = fmt.Sprintf("the namespace of the provided object does not match the namespace sent on the request (%q, %q)", namespace, t.namespace)
	default:
		return nil
	}
	answer := status(http.StatusBadRequest, "BadRequest", message)
	return &answer
}
