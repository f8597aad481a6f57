package plan_test

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var inputsLine = regexp.MustCompile(`(?m)^X-Pmkctl-Inputs=(.*)$`)

// TestInputsStay keeps the hash of the inputs of each service. Another hash for the
// same spec would restart that service in every cluster.
func TestInputsStay(t *testing.T) {
	w := workers(t, 1, `}
etcd {
  config        = { quota-backend-bytes = 8589934592 }
  feature_gates = { A = true }
}
kube_apiserver { feature_gates = { A = true } }
kube_scheduler { config = { parallelism = 4 } }
containerd { config = { debug = { level = "debug" } } }
kubelet { config = { maxPods = 50 } }
kube_proxy {
  mode          = "nftables"
  feature_gates = { A = true }
}
flannel {
  config = { EnableNFTables = true }`)
	w.apply(t)
	got := map[string]string{}
	for _, unit := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "containerd", "kubelet", "kube-proxy", "flanneld"} {
		line := inputsLine.FindSubmatch(w.hosts["cp-1"].Peek("/etc/systemd/system/" + unit + ".service"))
		if line == nil {
			t.Fatalf("the unit of %s has no X-Pmkctl-Inputs", unit)
		}
		got[unit] = string(line[1])
	}
	want := map[string]string{
		"containerd":              "a24837524022a45619c81eb9317fb40b",
		"etcd":                    "3e103aa94429b7fca06114725b6ff803",
		"flanneld":                "985bef3c5f9094cad0af6e7303e83d58",
		"kube-apiserver":          "67a864c44fcc7bc9b704e2fed3b11878",
		"kube-controller-manager": "9e60841fd1ef8ebb7b91c2cc2bde2394",
		"kube-proxy":              "71e9d8f730206935613a123ecbfe4d8b",
		"kube-scheduler":          "9a9c644050b2ff68f792cd5d45e15c11",
		"kubelet":                 "5c887bc789f59e731284df5552e5b2c1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
