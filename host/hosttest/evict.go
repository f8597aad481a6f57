package hosttest

import (
	"net/http"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// evict deletes a pod at once. A disruption budget that selects it and allows
// no disruption refuses that. A pod with a finalizer is only marked for
// deletion.
func (s *store) evict(t target) host.KubeResponse {
	pod := s.objects[t.path(t.name)]
	if pod == nil {
		return notFound(t)
	}
	labels, _ := dig(pod.data, "metadata", "labels").(map[string]any)
	for p, o := range s.objects {
		if o.data["kind"] != "PodDisruptionBudget" || !strings.HasPrefix(p, "/apis/policy/v1/namespaces/"+t.namespace+"/") {
			continue
		}
		allowed := dig(o.data, "status", "disruptionsAllowed")
		if selects(o.data, labels) && allowed != nil && number(allowed, 0) == 0 {
			return status(http.StatusTooManyRequests, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
		}
	}
	if finalizers, _ := dig(pod.data, "metadata", "finalizers").([]any); len(finalizers) > 0 {
		pod.data["metadata"].(map[string]any)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
		s.save(t.path(t.name), pod)
		return jsonAnswer(http.StatusCreated, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
	}
	s.remove(t)
	return jsonAnswer(http.StatusCreated, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
}

// selects reports whether an object's selector matches labels.
func selects(o map[string]any, labels map[string]any) bool {
	want, _ := dig(o, "spec", "selector", "matchLabels").(map[string]any)
	for k, v := range want {
		if labels[k] != v {
			return false
		}
	}
	return len(want) > 0
}
