package kernel

import (
	"testing"

	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func TestConverges(t *testing.T) {
	moduletest.Converges(t, Module{Modules: Modules("udp", "nftables"), Sysctls: Sysctls(true, true)})
}
