package preflight

import (
	"fmt"

	"github.com/pmkctl/pmkctl/host"
)

// A BindResult is a port and whether it could be bound.
type BindResult struct {
	Host string `json:"host"`
	Port
	State  BindState    `json:"state"`
	Err    string       `json:"err,omitempty"`
	Holder *host.Socket `json:"holder,omitempty"`
}

// A BindState says what holds a port.
type BindState string

// The states. InUse is held by the component that should hold it.
const (
	Free    BindState = "free"
	InUse   BindState = "in use"
	Held    BindState = "held"    // by another process
	Stopped BindState = "stopped" // the right component holds it, but its process is stopped
	Failed  BindState = "cannot be bound"
	Unbound BindState = "not probed" // an apply holds the host, or its connection broke
	Busy    BindState = "busy"       // another run of pmkctl probes the host
)

// String is "worker-1 10250/tcp held by python3 (pid 1234)".
func (b BindResult) String() string {
	s := fmt.Sprintf("%s %s", b.Host, portText(b.Proto, b.Port.Port))
	switch b.State {
	case Free, Unbound:
		return s + " " + string(b.State)
	case InUse:
		return s + " in use by " + HolderText(b.Holder)
	case Held, Stopped:
		return s + " held by " + HolderText(b.Holder)
	}
	return s + " cannot be bound: " + b.Err
}

// HolderText is "python3 (pid 1234, unit x.service)".
func HolderText(s *host.Socket) string {
	switch {
	case s == nil:
		return "an unknown process"
	case s.PID == 0 && s.Process == "":
		return "the kernel"
	case s.Unit != "" && s.State == "T":
		return fmt.Sprintf("%s (pid %d, unit %s, stopped)", s.Process, s.PID, s.Unit)
	case s.Unit != "":
		return fmt.Sprintf("%s (pid %d, unit %s)", s.Process, s.PID, s.Unit)
	case s.State == "T":
		return fmt.Sprintf("%s (pid %d, stopped)", s.Process, s.PID)
	}
	return fmt.Sprintf("%s (pid %d)", s.Process, s.PID)
}
