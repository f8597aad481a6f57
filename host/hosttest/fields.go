package hosttest

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// dig returns the value at keys in nested maps; nil if a key is missing.
func dig(v any, keys ...string) any {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[k] = clone(e)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = clone(e)
		}
		return c
	}
	return v
}

// itemKey returns the key of an entry of a list, by the API's rules for lists
// of this name; "" if the list is one value as a whole.
func itemKey(list string, item any) string {
	m, ok := item.(map[string]any)
	if !ok {
		return ""
	}
	switch list {
	case "containers", "initContainers", "volumes", "env", "imagePullSecrets", "secrets":
		return keyOf(m, "name")
	case "volumeMounts":
		return keyOf(m, "mountPath")
	case "conditions", "addresses":
		return keyOf(m, "type")
	case "ownerReferences":
		return keyOf(m, "uid")
	case "ports":
		protocol := keyOf(m, "protocol")
		if protocol == "" {
			protocol = "TCP"
		}
		if k := keyOf(m, "containerPort"); k != "" {
			return k + "," + protocol
		}
		if k := keyOf(m, "port"); k != "" {
			return k + "," + protocol
		}
	}
	return ""
}

func keyOf(m map[string]any, field string) string {
	if m[field] == nil {
		return ""
	}
	return fmt.Sprint(m[field])
}

// keyed reports whether all entries of a list have keys.
func keyed(name string, list []any) bool {
	for _, item := range list {
		if itemKey(name, item) == "" {
			return false
		}
	}
	return len(list) > 0
}

// leaves returns the values of an object by their path,
// "spec/ports[53,UDP]/name", except what names the object and what the server
// owns.
func leaves(o map[string]any) map[string]string {
	out := map[string]string{}
	for k, v := range o {
		switch k {
		case "apiVersion", "kind", "status":
		case "metadata":
			for k, v := range v.(map[string]any) {
				switch k {
				case "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields":
				default:
					collect(out, "metadata/"+escape(k), k, v)
				}
			}
		default:
			collect(out, escape(k), k, v)
		}
	}
	return out
}

// escape keeps a key with a slash from looking like two keys.
func escape(k string) string { return strings.ReplaceAll(k, "/", "~1") }

func collect(out map[string]string, p, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 {
			for k, e := range v {
				collect(out, p+"/"+escape(k), k, e)
			}
			return
		}
	case []any:
		if keyed(name, v) {
			for _, item := range v {
				collect(out, p+"["+escape(itemKey(name, item))+"]", "", item)
			}
			return
		}
	}
	text, err := json.Marshal(v)
	must(err)
	out[p] = string(text)
}

// prune removes the leaf at a path, and parents that become empty.
func prune(o map[string]any, p string) {
	first, rest, deeper := strings.Cut(p, "/")
	name, key, inList := strings.Cut(strings.TrimSuffix(first, "]"), "[")
	name = strings.ReplaceAll(name, "~1", "/")
	switch v := o[name].(type) {
	case []any:
		if !inList {
			delete(o, name)
			return
		}
		var kept []any
		for _, item := range v {
			m := item.(map[string]any)
			if escape(itemKey(name, item)) == key {
				prune(m, rest)
				if len(m) == 0 {
					continue
				}
			}
			kept = append(kept, item)
		}
		if o[name] = kept; len(kept) == 0 {
			delete(o, name)
		}
	case map[string]any:
		if deeper {
			prune(v, rest)
		}
		if !deeper || len(v) == 0 {
			delete(o, name)
		}
	default:
		delete(o, name)
	}
}

// mergePatch merges as RFC 7386 does.
func mergePatch(dst, patch map[string]any) {
	for k, v := range patch {
		m, isMap := v.(map[string]any)
		switch {
		case v == nil:
			delete(dst, k)
		case isMap:
			d, ok := dst[k].(map[string]any)
			if !ok {
				d = map[string]any{}
			}
			mergePatch(d, m)
			dst[k] = d
		default:
			dst[k] = clone(v)
		}
	}
}

// mergeStrategic merges lists whose entries have keys entry by entry.
func mergeStrategic(dst, patch map[string]any) {
	for k, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(dst, k)
		case map[string]any:
			d, ok := dst[k].(map[string]any)
			if !ok {
				d = map[string]any{}
			}
			mergeStrategic(d, v)
			dst[k] = d
		case []any:
			have, _ := dst[k].([]any)
			dst[k] = mergeLists(k, have, v)
		default:
			dst[k] = v
		}
	}
}

func mergeLists(name string, have, patch []any) []any {
	if !keyed(name, patch) || len(have) > 0 && !keyed(name, have) {
		return clone(patch).([]any)
	}
	merged := append([]any(nil), have...)
	for _, item := range patch {
		found := false
		for i, h := range merged {
			if itemKey(name, h) == itemKey(name, item) {
				m := clone(h).(map[string]any)
				mergeStrategic(m, item.(map[string]any))
				merged[i], found = m, true
			}
		}
		if !found {
			merged = append(merged, clone(item))
		}
	}
	return merged
}

// complete adds some of the fields that a real API server fills in.
func (s *store) complete(o map[string]any) {
	spec, _ := o["spec"].(map[string]any)
	if spec == nil {
		if o["kind"] == "Namespace" {
			o["spec"] = map[string]any{"finalizers": []any{"kubernetes"}}
			o["status"] = map[string]any{"phase": "Active"}
		}
		return
	}
	switch o["kind"] {
	case "Service":
		s.completeService(spec)
	case "Deployment":
		defaults(spec, map[string]any{"replicas": 1.0, "revisionHistoryLimit": 10.0, "progressDeadlineSeconds": 600.0,
			"strategy": map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxSurge": "25%", "maxUnavailable": "25%"}}})
		completePod(dig(spec, "template", "spec"))
	case "DaemonSet", "StatefulSet", "Job":
		completePod(dig(spec, "template", "spec"))
	case "Pod":
		completePod(spec)
	}
}

func defaults(m map[string]any, values map[string]any) {
	for k, v := range values {
		if m[k] == nil {
			m[k] = v
		}
	}
}

func (s *store) completeService(spec map[string]any) {
	if spec["clusterIP"] == nil {
		s.services++
		spec["clusterIP"] = fmt.Sprintf("10.96.1.%d", s.services)
	}
	defaults(spec, map[string]any{"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
		"ipFamilies": []any{"IPv4"}, "ipFamilyPolicy": "SingleStack", "clusterIPs": []any{spec["clusterIP"]}})
	ports, _ := spec["ports"].([]any)
	for _, p := range ports {
		if p, ok := p.(map[string]any); ok {
			defaults(p, map[string]any{"protocol": "TCP", "targetPort": p["port"]})
		}
	}
}

func completePod(v any) {
	spec, ok := v.(map[string]any)
	if !ok {
		return
	}
	defaults(spec, map[string]any{"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
		"terminationGracePeriodSeconds": 30.0, "securityContext": map[string]any{}})
	containers, _ := spec["containers"].([]any)
	for _, c := range containers {
		c, ok := c.(map[string]any)
		if !ok {
			continue
		}
		defaults(c, map[string]any{"imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"})
		ports, _ := c["ports"].([]any)
		for _, p := range ports {
			if p, ok := p.(map[string]any); ok {
				defaults(p, map[string]any{"protocol": "TCP"})
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	sort.Strings(names)
	return names
}
