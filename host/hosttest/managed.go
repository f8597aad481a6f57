package hosttest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// managed returns metadata.managedFields: which manager applied which fields.
// It leaves out ports, whose key is more than a name.
func managed(owners map[string]map[string]bool) []any {
	byManager := map[string]map[string]any{}
	for field, managers := range owners {
		for m := range managers {
			if strings.HasSuffix(m, " (update)") || strings.Contains(field, "ports[") {
				continue
			}
			if byManager[m] == nil {
				byManager[m] = map[string]any{}
			}
			note(byManager[m], field)
		}
	}
	var entries []any
	for _, m := range slices.Sorted(maps.Keys(byManager)) {
		entries = append(entries, map[string]any{"manager": m, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": byManager[m]})
	}
	return entries
}

// note adds a leaf, "spec/containers[coredns]/image", to fieldsV1.
func note(fields map[string]any, leaf string) {
	for _, part := range strings.Split(leaf, "/") {
		name, item, inList := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		fields = child(fields, "f:"+unescape(name))
		if inList {
			key := "name"
			if name == "volumeMounts" {
				key = "mountPath"
			}
			text, err := json.Marshal(map[string]string{key: unescape(item)})
			must(err)
			fields = child(fields, "k:"+string(text))
		}
	}
}

func unescape(k string) string { return strings.ReplaceAll(k, "~1", "/") }

func child(m map[string]any, k string) map[string]any {
	c, ok := m[k].(map[string]any)
	if !ok {
		c = map[string]any{}
		m[k] = c
	}
	return c
}
