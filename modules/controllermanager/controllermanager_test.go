package controllermanager

import (
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func plain() ControllerManager {
	return ControllerManager{PodCIDR: "10.244.0.0/16", ServiceCIDR: "10.96.0.0/12", Binary: "d1", Kubeconfig: "d2"}
}

func TestFiles(t *testing.T) {
	moduletest.Files(t, "testdata/golden/plain.txtar", hosttest.New("cp-1"), New(plain()))
}

func TestConverges(t *testing.T) {
	moduletest.Converges(t, New(plain()), moduletest.Prepare(before))
	newer := plain()
	newer.Kubeconfig = "another"
	t.Run("restarts", func(t *testing.T) {
		moduletest.Converges(t, New(newer), moduletest.Prepare(before), moduletest.Before(New(plain())))
	})
}

func before(h *hosttest.Host) {
	hosttest.WithUsers("kube")(h)
	hosttest.WithPrograms("kube-controller-manager")(h)
	hosttest.WithFile(kubeconfig, "x")(h)
	for _, f := range []string{"ca.crt", "ca.key", "sa.key", "front-proxy-ca.crt", "kube-controller-manager.crt", "kube-controller-manager.key"} {
		hosttest.WithFile(pki+f, "x")(h)
	}
}
