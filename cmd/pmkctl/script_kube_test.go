package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pmkctl/pmkctl/host"
)

func podCommand(ts *testscript.TestScript, neg bool, args []string) {
	h := hostOf(ts, neg, args, 4)
	namespace, name, _ := strings.Cut(args[1], "/")
	meta := map[string]any{"name": name, "namespace": namespace, "labels": map[string]any{"app": name}}
	if args[3] != "-" {
		meta["ownerReferences"] = []any{map[string]any{"apiVersion": "apps/v1", "kind": args[3], "name": name, "controller": true}}
	}
	create(ts, h, "/api/v1/namespaces/"+namespace+"/pods", map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": meta,
		"spec": map[string]any{"nodeName": args[2]}, "status": map[string]any{"phase": "Running"}})
}

func budgetCommand(ts *testscript.TestScript, neg bool, args []string) {
	h := hostOf(ts, neg, args, 3)
	namespace, name, _ := strings.Cut(args[1], "/")
	allowed, err := strconv.Atoi(args[2])
	ts.Check(err)
	path := "/apis/policy/v1/namespaces/" + namespace + "/poddisruptionbudgets"
	_, err = h.Admin().Kube(ctx(), host.KubeRequest{Method: http.MethodDelete, Path: path + "/" + name})
	ts.Check(err)
	create(ts, h, path, map[string]any{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
		"metadata": map[string]any{"name": name, "namespace": namespace},
		"spec":     map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": name}}},
		"status":   map[string]any{"disruptionsAllowed": allowed}})
}

func create(ts *testscript.TestScript, h *fakeHost, path string, o map[string]any) {
	body, err := json.Marshal(o)
	ts.Check(err)
	answer, err := h.Admin().Kube(ctx(), host.KubeRequest{Method: http.MethodPost, Path: path, ContentType: "application/json", Body: body})
	ts.Check(err)
	if answer.Status >= 300 {
		ts.Fatalf("%s: %d %s", path, answer.Status, answer.Body)
	}
}
