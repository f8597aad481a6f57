package plan_test

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/plan/plantest"
)

var inputsLine = regexp.MustCompile(`(?m)^X-Pmkctl-Inputs=(.*)$`)

// TestInputsStay keeps the hash of the inputs of each service. Another hash for the
// same spec would restart that service in every cluster.
func TestInputsStay(t *testing.T) {
	w := plantest.Workers(t, 1, `}
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
	w.Apply(t)
	got := map[string]string{}
	for _, unit := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "containerd", "kubelet", "kube-proxy", "flanneld"} {
		line := inputsLine.FindSubmatch(w.Memory["cp-1"].Peek("/etc/systemd/system/" + unit + ".service"))
		if line == nil {
			t.Fatalf("the unit of %s has no X-Pmkctl-Inputs", unit)
		}
		got[unit] = string(line[1])
	}
	want := map[string]string{
		"containerd":              "f1974ffecb7112ea976047cb32da7ad3",
		"etcd":                    "db9c34858680eadf171e3ea4c3e73c05",
		"flanneld":                "8f3221dde4151d2eb4f9c5a93b007ec8",
		"kube-apiserver":          "8eb20417af6d2be28b8048489985ae16",
		"kube-controller-manager": "f235b10ab5482e6905dacd09ab2b7543",
		"kube-proxy":              "8267686c9897fd413d56d219ae99eec4",
		"kube-scheduler":          "f6fd23994b85a64973cb719f70209ef3",
		"kubelet":                 "db9baa97bec397fd7d2118d12cfd3ceb",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
