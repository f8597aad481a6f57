package object

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/modules/internal/kube"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// plain gives numbers the same types, whether an object comes from JSON or YAML.
func plain(o Object) any {
	p, err := resource.Plain(o)
	if err != nil {
		return o
	}
	return p
}

// differing returns the parts of have and want that differ. want is a
// subset: fields that it does not name may be anything. Lists whose items
// the API knows by key are compared by that key, others item by item. field
// is the name of the field whose values have and want are.
func differing(field string, have, want any) (h, w any, differs bool) {
	switch want := want.(type) {
	case map[string]any:
		if have, ok := have.(map[string]any); ok {
			return differingMaps(have, want)
		}
	case []any:
		if have, ok := have.([]any); ok {
			return differingLists(field, have, want)
		}
	}
	return have, want, !reflect.DeepEqual(have, want)
}

func differingMaps(have, want map[string]any) (any, any, bool) {
	h, w := map[string]any{}, map[string]any{}
	for k, wv := range want {
		hv, there := have[k]
		ph, pw, differs := differing(k, hv, wv)
		if !differs {
			continue
		}
		if w[k] = pw; there {
			h[k] = ph
		}
	}
	return h, w, len(w) > 0
}

func differingLists(field string, have, want []any) (any, any, bool) {
	keys := listKeys[field]
	if keys == nil {
		same := len(have) == len(want)
		for i := 0; same && i < len(want); i++ {
			_, _, differs := differing("", have[i], want[i])
			same = !differs
		}
		return have, want, !same
	}
	h, w := []any{}, []any{}
	for _, wv := range want {
		hv := find(have, keys, wv)
		ph, pw, differs := differing("", hv, wv)
		if !differs {
			continue
		}
		if w = append(w, withKeys(pw, wv, keys)); hv != nil {
			h = append(h, withKeys(ph, hv, keys))
		}
	}
	return h, w, len(w) > 0
}

// listKeys are the lists that the API merges by key (x-kubernetes-list-map-keys),
// by the name of their field. The keys of ports are those of containers and of
// Services.
var listKeys = map[string][]string{
	"containers":                {"name"},
	"env":                       {"name"},
	"initContainers":            {"name"},
	"ports":                     {"containerPort", "port", "protocol"},
	"topologySpreadConstraints": {"topologyKey", "whenUnsatisfiable"},
	"volumeMounts":              {"mountPath"},
	"volumes":                   {"name"},
}

// find returns the item with the same keys as like; nil if there is none.
func find(list []any, keys []string, like any) any {
	for _, item := range list {
		same := true
		for _, k := range keys {
			same = same && reflect.DeepEqual(kube.Field(item, k), kube.Field(like, k))
		}
		if same {
			return item
		}
	}
	return nil
}

// withKeys adds the keys of an item to the part of it that differs, so that people
// see which item it is.
func withKeys(part, item any, keys []string) any {
	m, ok := part.(map[string]any)
	if !ok {
		return part
	}
	m = maps.Clone(m)
	for _, k := range keys {
		if v := kube.Field(item, k); v != nil {
			m[k] = v
		}
	}
	return m
}

// ownFields returns the fields that pmkctl applied to an object, in the form of the
// API server (fieldsV1); nil if there are none.
func ownFields(have Object) any {
	entries, _ := kube.Field(have, "metadata", "managedFields").([]any)
	for _, e := range entries {
		if kube.Text(e, "manager") == kube.FieldManager && kube.Text(e, "operation") == "Apply" && kube.Text(e, "subresource") == "" {
			return kube.Field(e, "fieldsV1")
		}
	}
	return nil
}

// surplus returns the fields that pmkctl has applied and that want lacks. In
// fieldsV1, f:NAME is a field, and k:{...} are the keys of an item in a list.
func surplus(fields, want any, path string) []string {
	set, _ := fields.(map[string]any)
	var unwanted []string
	for _, k := range slices.Sorted(maps.Keys(set)) {
		var inner any
		name := ""
		switch {
		case strings.HasPrefix(k, "f:"):
			name = "." + k[2:]
			inner = kube.Field(want, k[2:])
		case strings.HasPrefix(k, "k:"):
			name = "[" + k[2:] + "]"
			inner = item(want, k[2:])
		default:
			continue
		}
		if inner == nil {
			unwanted = append(unwanted, strings.TrimPrefix(path+name, "."))
			continue
		}
		unwanted = append(unwanted, surplus(set[k], inner, path+name)...)
	}
	return unwanted
}

// item returns the item of a list with these keys, which are JSON; nil if there is
// none.
func item(list any, keys string) any {
	var want map[string]any
	if json.Unmarshal([]byte(keys), &want) != nil {
		return nil
	}
	items, _ := list.([]any)
	for _, it := range items {
		same := true
		for k, v := range want {
			same = same && fmt.Sprint(kube.Field(it, k)) == fmt.Sprint(v)
		}
		if same {
			return it
		}
	}
	return nil
}
