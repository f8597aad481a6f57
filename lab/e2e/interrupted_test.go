//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/user"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/lab"
)

// TestKilledDuringFirstApply kills pmkctl with signal 9 at five points of a
// first apply. Another apply must end as if there had been no first one.
func TestKilledDuringFirstApply(t *testing.T) {
	for _, done := range []int{1, 12, 21, 33, 45} {
		t.Run(fmt.Sprintf("after step %d", done), func(t *testing.T) {
			bare(t)
			r := start(t, "apply", "-auto-approve", labSpec())
			if !r.until(done, "ok ") {
				t.Fatalf("it ended before: %v", r.wait())
			}
			must(t, r.cmd.Process.Kill())
			r.wait()
			apply(t, labSpec())
			noChanges(t, labSpec())
			_, err := kubectl(t).ReadySince(t.Context(), 3)
			must(t, err)
		})
	}
}

// boundedBy is the longest time for an apply during which a host dies: the work
// on the other hosts, and the time until a silent host is given up.
const boundedBy = 2 * time.Minute

// TestHostDiesDuringApply stops a worker while programs are copied to it: by a
// power cut, and by a network that drops all packets.
func TestHostDiesDuringApply(t *testing.T) {
	drop := []string{"INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP"}
	for _, tt := range []struct {
		name        string
		die, revive func(*testing.T, lab.Host)
	}{
		{"power cut",
			func(t *testing.T, h lab.Host) { must(t, h.Kill(t.Context())) },
			func(t *testing.T, h lab.Host) { must(t, h.Start(t.Context())) }},
		{"silence",
			func(t *testing.T, h lab.Host) { on(t, h, append([]string{"iptables", "-I"}, drop...)...) },
			func(t *testing.T, h lab.Host) { on(t, h, append([]string{"iptables", "-D"}, drop...)...) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := bare(t)
			worker2 := hostOf(t, l, "worker-2")
			r := start(t, "apply", "-auto-approve", labSpec())
			if !r.until(1, "ok certificates.worker-2") || strings.Contains(r.said(), "ok programs.worker-2") {
				t.Fatalf("programs are not being copied: %v", r.said())
			}
			tt.die(t, worker2)
			f := r.wait().holds(t, "failed: programs.worker-2", "skipped: ", "kubelet.worker-2", "(because programs.worker-2 failed)")
			t.Logf("the apply ended %.0f s after its start", f.took.Seconds())
			if f.code != 5 && f.code != 6 {
				t.Errorf("want exit 5 or 6, but %v", f)
			}
			if f.took > boundedBy {
				t.Errorf("that is more than %v", boundedBy)
			}
			f.lacks(t, "failed: kubelet.worker-1", "failed: programs.worker-1")
			if _, err := kubectl(t).ReadySince(t.Context(), 2); err != nil {
				t.Errorf("the other hosts are not done: %v", err)
			}
			tt.revive(t, worker2)
			// An agent without a connection holds its lock for 30 s.
			pmkctl(t, "apply", "-auto-approve", "-lock-timeout=1m", labSpec()).want(t, 0)
			works(t, l)
			noChanges(t, labSpec())
		})
	}
}

// TestTwoAppliesAtOnce starts a second apply while the first one runs.
func TestTwoAppliesAtOnce(t *testing.T) {
	bare(t)
	first := start(t, "apply", "-auto-approve", labSpec())
	if !first.until(1, "ok ") {
		t.Fatalf("it did nothing: %v", first.wait())
	}
	me, err := user.Current()
	must(t, err)
	machine, err := os.Hostname()
	must(t, err)
	second := pmkctl(t, "apply", "-auto-approve", labSpec()).want(t, 7).
		holds(t, me.Username+"@"+machine, "-lock-timeout")
	t.Logf("refused after %v", second.took)
	// A plan during the apply is possible, and says that it may be outdated.
	pmkctl(t, "plan", labSpec()).want(t, 0).holds(t, me.Username+"@"+machine)
	first.wait().want(t, 0)
	noChanges(t, labSpec())
}
