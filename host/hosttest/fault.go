package hosttest

import (
	"fmt"

	"github.com/pmkctl/pmkctl/host"
)

// An Entry is a change that took place.
type Entry struct {
	Method string // of host.Writer, or "Kube POST"
	Item   string // path, unit, setting; for Unit "start kubelet.service"
}

func (e Entry) String() string { return e.Method + " " + e.Item }

// faults are what goes wrong with the connection.
type faults struct {
	lost     bool
	readOnly bool
	left     int  // changes until the cut
	armed    bool // there will be a cut
	mute     bool // the answer to the last change is cut off as well
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

// count takes note of a change that took effect.
func (f *faults) count() error {
	if !f.armed {
		return nil
	}
	if f.left--; f.left > 0 {
		return nil
	}
	f.lost, f.armed = true, false
	if f.mute {
		return host.ErrLost
	}
	return nil
}

// CutAfter loses the connection once n more changes were made and answered:
// from then on every call fails with host.ErrLost until Reconnect.
func (h *Host) CutAfter(n int) { h.cut(n, false) }

// CutDuring loses the connection in the n-th change from now: it takes
// effect, but its answer is lost.
func (h *Host) CutDuring(n int) { h.cut(n, true) }

func (h *Host) cut(n int, mute bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.left, h.faults.mute = n, mute
	h.faults.armed, h.faults.lost = n > 0, n <= 0
}

// Lost tells if the connection is cut.
func (h *Host) Lost() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.faults.lost
}

// Reconnect mends the connection and forgets a cut that did not come yet.
func (h *Host) Reconnect() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.lost, h.faults.armed = false, false
}

// FailOn has f asked before every call, with the method and the path, unit
// or other item that it is about; an error of f is the call's. nil ends it.
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

// Log is every change so far, in order.
func (h *Host) Log() []Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Entry(nil), h.log...)
}

// ClearLog forgets the log and the count of reads.
func (h *Host) ClearLog() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log, h.reads = nil, 0
}

// Reads counts the calls that were no changes.
func (h *Host) Reads() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reads
}

// unknown is the answer to what the host in memory cannot do.
func unknown(format string, a ...any) error {
	return fmt.Errorf("hosttest: "+format, a...)
}
