package controllermanager

import (
	"testing"

	"github.com/pmkctl/pmkctl/modules/internal/golden"
)

func plain() Module {
	return Module{PodCIDR: "10.244.0.0/16", ServiceCIDR: "10.96.0.0/12", Binary: "d1", Needs: []string{"d2"}}
}

func TestFiles(t *testing.T) {
	golden.Files(t, "testdata/golden/plain.txtar", plain().service().Wanted())
}
