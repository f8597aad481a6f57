package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/wording"
)

// A boundPort is a port with the same state on several hosts.
type boundPort struct {
	document.PreflightBind
	By    string // what holds it
	Hosts []string
}

// boundPorts groups binds, those that are wrong first.
func boundPorts(binds []document.PreflightBind) []boundPort {
	var out []boundPort
	at := map[string]int{}
	for _, b := range binds {
		by := holderWords(b)
		address := b.Address
		if !strings.HasPrefix(address, "127.") && address != "" {
			address = "internal"
		}
		key := fmt.Sprint(b.Protocol, b.Port, address, b.Unit, b.State, by)
		i, ok := at[key]
		if !ok {
			i, at[key] = len(out), len(out)
			b.Address = address
			out = append(out, boundPort{PreflightBind: b, By: by})
		}
		out[i].Hosts = append(out[i].Hosts, b.Host)
	}
	slices.SortStableFunc(out, func(a, b boundPort) int { return wording.First(!a.well(), !b.well()) })
	return out
}

func (b boundPort) well() bool {
	return b.State == string(preflight.Free) || b.State == string(preflight.InUse)
}

// Class colours the row.
func (b boundPort) Class() string {
	if b.well() || b.State == string(preflight.Unbound) {
		return ""
	}
	return "bad"
}

func holderWords(b document.PreflightBind) string {
	h := b.Holder
	switch {
	case h == nil:
		return b.Error
	case h.Kernel:
		return "the kernel"
	case b.State == string(preflight.InUse): // its pid differs from host to host
		return h.Process
	case h.Unit != "":
		return fmt.Sprintf("%s (pid %d, %s)", h.Process, h.PID, h.Unit)
	}
	return fmt.Sprintf("%s (pid %d)", h.Process, h.PID)
}
