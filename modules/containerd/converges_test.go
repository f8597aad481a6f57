package containerd

import (
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func TestConverges(t *testing.T) {
	programs := moduletest.Prepare(func(h *hosttest.Host) { hosttest.WithPrograms("containerd")(h) })
	c := lab()
	c.Programs = []string{"sha256:containerd"}
	m := New(c)
	t.Run("bare", func(t *testing.T) { moduletest.Converges(t, m, programs) })
	t.Run("other settings", func(t *testing.T) { moduletest.Converges(t, m, programs, moduletest.Before(New(plain()))) })
}
