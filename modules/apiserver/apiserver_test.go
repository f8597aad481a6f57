package apiserver

import (
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func plain() APIServer {
	return APIServer{Address: "192.0.2.11", Port: 6443, Etcd: []string{"https://192.0.2.11:2379", "https://192.0.2.12:2379"},
		ServiceCIDR: "10.96.0.0/12", Domain: "cluster.local", Binary: "d1"}
}

func passed() APIServer {
	m := plain()
	m.Port = 443
	m.Flags = map[string]string{"bind-address": "192.0.2.11", "audit-log-path": "/var/log/kubernetes/audit 1.log", "authorization-mode": "Node,RBAC,Webhook"}
	m.FeatureGates = map[string]bool{"B": false, "A": true}
	return m
}

func TestFiles(t *testing.T) {
	for name, m := range map[string]APIServer{"plain": plain(), "passed": passed()} {
		t.Run(name, func(t *testing.T) {
			moduletest.Files(t, "testdata/golden/"+name+".txtar", hosttest.New("cp-1"), New(m))
		})
	}
}

func TestReadyz(t *testing.T) {
	for want, a := range map[string]APIServer{"https://127.0.0.1:6443/readyz?verbose": plain(), "https://192.0.2.11:443/readyz?verbose": passed()} {
		if got := readyz(a.FlagsOver(a.flags())).URL; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestConverges(t *testing.T) {
	moduletest.Converges(t, New(plain()), moduletest.Prepare(before))
	t.Run("restarts", func(t *testing.T) {
		moduletest.Converges(t, New(passed()), moduletest.Prepare(before), moduletest.Before(New(plain())))
	})
}

func before(h *hosttest.Host) {
	hosttest.WithAddress("192.0.2.11")(h)
	hosttest.WithUsers("kube")(h)
	hosttest.WithPrograms("kube-apiserver")(h)
	hosttest.WithService("etcd")(h)
	for _, f := range []string{"ca.crt", "sa.pub", "sa.key", "etcd/ca.crt", "front-proxy-ca.crt"} {
		hosttest.WithFile(pki+f, "x")(h)
	}
	for _, f := range []string{"apiserver", "apiserver-etcd-client", "apiserver-kubelet-client", "front-proxy-client"} {
		hosttest.WithFile(pki+f+".crt", "x")(h)
		hosttest.WithFile(pki+f+".key", "x")(h)
	}
}
