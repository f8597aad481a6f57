package hosttest

import (
	"fmt"

	"github.com/pmkctl/pmkctl/host"
)

// An Entry is a change that took effect.
type Entry struct {
	Method string // method of host.Writer, or "Kube POST"
	Item   string // path, unit or setting; for Unit "start kubelet.service"
}

func (e Entry) String() string { return e.Method + " " + e.Item }

// faults are the faults of the connection.
type faults struct {
	lost     bool
	readOnly bool
	untilCut int  // changes until the cut
	armed    bool // there will be a cut
	mute     bool // the answer to the last change is lost too
	fail     func(method, item string) error
}

func (f *faults) strikes(method, item string) error {
	if f.lost {
		return host.ErrLost
	}
	if f.fail != nil {
		return f.fail(method, item)
	}
	return nil
}

// count counts a change that took effect.
func (f *faults) count() error {
	if !f.armed {
		return nil
	}
	if f.untilCut--; f.untilCut > 0 {
		return nil
	}
	f.lost, f.armed = true, false
	if f.mute {
		return host.ErrLost
	}
	return nil
}

// CutAfter cuts the connection after n more changes, which are answered. From
// then on every call fails with host.ErrLost until Reconnect.
func (h *Host) CutAfter(n int) { h.cut(n, false) }

// CutDuring cuts the connection in the n-th change from now. The change takes
// effect but its answer is lost.
func (h *Host) CutDuring(n int) { h.cut(n, true) }

func (h *Host) cut(n int, mute bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.untilCut, h.faults.mute = n, mute
	h.faults.armed, h.faults.lost = n > 0, n <= 0
}

// Lost reports whether the connection is cut.
func (h *Host) Lost() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.faults.lost
}

// Reconnect repairs the connection and cancels a cut to come.
func (h *Host) Reconnect() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.lost, h.faults.armed = false, false
}

// FailOn makes every call ask f first, with the method and its item, such as
// a path or unit. If f returns an error the call fails with it. A nil f ends
// this.
func (h *Host) FailOn(f func(method, item string) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.fail = f
}

// ReadOnly makes the host refuse changes, as a read-only agent does.
func (h *Host) ReadOnly(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.readOnly = on
}

// Log returns all changes so far, in order.
func (h *Host) Log() []Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Entry(nil), h.log...)
}

// ClearLog clears the log and the count of reads.
func (h *Host) ClearLog() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log, h.reads = nil, 0
}

// Reads returns the number of calls that were no changes.
func (h *Host) Reads() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reads
}

// unknown returns the error for something that the host in memory cannot do.
func unknown(format string, a ...any) error {
	return fmt.Errorf("hosttest: "+format, a...)
}
