package kubeproxy

import (
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func TestConverges(t *testing.T) {
	before := moduletest.Prepare(func(h *hosttest.Host) {
		hosttest.WithPrograms("kube-proxy")(h)
		hosttest.WithFile(kubeconfig, "made before\n")(h)
	})
	t.Run("bare", func(t *testing.T) { moduletest.Converges(t, New(lab()), before) })
	t.Run("other settings", func(t *testing.T) {
		moduletest.Converges(t, New(lab()), before, moduletest.Before(New(plain())))
	})
}
