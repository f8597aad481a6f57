package scheduler

import (
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func plain() Scheduler { return Scheduler{Binary: "d1", Kubeconfig: "d2"} }

func passed() Scheduler {
	m := plain()
	m.Config = map[string]any{"parallelism": 4.0, "leaderElection": map[string]any{"leaseDuration": "30s"}}
	m.FeatureGates = map[string]bool{"A": true}
	m.Flags = map[string]string{"bind-address": "0.0.0.0", "v": "2"}
	return m
}

func TestFiles(t *testing.T) {
	for name, m := range map[string]Scheduler{"plain": plain(), "passed": passed()} {
		t.Run(name, func(t *testing.T) {
			moduletest.Files(t, "testdata/golden/"+name+".txtar", hosttest.New("worker-1"), New(m))
		})
	}
}

func TestConverges(t *testing.T) {
	moduletest.Converges(t, New(plain()), moduletest.Prepare(before))
	t.Run("restarts", func(t *testing.T) {
		moduletest.Converges(t, New(passed()), moduletest.Prepare(before), moduletest.Before(New(plain())))
	})
}

func before(h *hosttest.Host) {
	hosttest.WithUsers("kube")(h)
	hosttest.WithPrograms("kube-scheduler")(h)
	for _, f := range []string{kubeconfig, pki + "ca.crt", pki + "front-proxy-ca.crt", pki + "kube-scheduler.crt", pki + "kube-scheduler.key"} {
		hosttest.WithFile(f, "x")(h)
	}
}
