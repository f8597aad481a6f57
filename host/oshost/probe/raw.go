package probe

import (
	"errors"

	"github.com/pmkctl/pmkctl/host"
)

func (r *round) listenRaw(host.PortSpec) error { return errors.New("not yet") }
