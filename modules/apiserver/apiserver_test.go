package apiserver

import (
	"testing"

	"github.com/pmkctl/pmkctl/modules/internal/golden"
)

func plain() Module {
	return Module{Address: "192.0.2.11", Port: 6443, Etcd: []string{"https://192.0.2.11:2379", "https://192.0.2.12:2379"},
		ServiceCIDR: "10.96.0.0/12", Domain: "cluster.local", Binary: "d1"}
}

func passed() Module {
	m := plain()
	m.Port = 443
	m.Flags = map[string]string{"bind-address": "192.0.2.11", "audit-log-path": "/var/log/kubernetes/audit 1.log", "authorization-mode": "Node,RBAC,Webhook"}
	m.FeatureGates = map[string]bool{"B": false, "A": true}
	return m
}

func TestFiles(t *testing.T) {
	for name, m := range map[string]Module{"plain": plain(), "passed": passed()} {
		t.Run(name, func(t *testing.T) {
			golden.Files(t, "testdata/golden/"+name+".txtar", m.service().Wanted())
		})
	}
}

func TestReadyz(t *testing.T) {
	if got, want := plain().readyz().URL, "https://127.0.0.1:6443/readyz?verbose"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := passed().readyz().URL, "https://192.0.2.11:443/readyz?verbose"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
