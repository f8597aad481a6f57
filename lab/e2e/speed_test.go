//go:build e2e

package e2e

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/bench"
	"github.com/pmkctl/pmkctl/lab"
)

// noSlowerThanSSH compares medians of 9 runs, in turns. A new cluster on the
// same two processors sometimes disturbs a series, so the test fails only if
// the plan is slower in all of three series.
func noSlowerThanSSH(t *testing.T, l *lab.Lab) {
	defer apply(t, labSpec()) // the inventory holds the SSH logins
	for range 3 {
		plans, logins, err := bench.NothingToChange(t.Context(), l, suite.pmkctl, 9)
		must(t, err)
		plan, login := bench.Median(plans), bench.Median(logins)
		t.Logf("plan with nothing to change: %v, ssh HOST true on three hosts at once: %v: %.2f", plan, login, plan.Seconds()/login.Seconds())
		if plan <= login {
			return
		}
	}
	t.Errorf("the plan is slower")
}

// oneConnection counts connections and sessions in the log of the hosts' sshd.
func oneConnection(t *testing.T, l *lab.Lab) {
	const config = "/etc/ssh/sshd_config.d/pmk-lab.conf"
	for _, h := range l.Hosts() {
		on(t, h, "sh", "-c", "echo LogLevel VERBOSE > "+config+" && systemctl reload ssh")
		defer on(t, h, "sh", "-c", "rm "+config+" && systemctl reload ssh")
	}
	noChanges(t, labSpec()) // the first run after a build copies the agent
	cursors := map[string]string{}
	for _, h := range l.Hosts() {
		cursors[h.Name] = strings.TrimSpace(on(t, h, "sh", "-c", "journalctl --sync; journalctl -q -n1 --show-cursor | sed -n 's/^-- cursor: //p'"))
	}
	noChanges(t, labSpec())
	for _, h := range l.Hosts() {
		log := on(t, h, "sh", "-c", "journalctl --sync; journalctl -q -u ssh -o cat --after-cursor='"+cursors[h.Name]+"'")
		connections, sessions := strings.Count(log, "Connection from "), strings.Count(log, "Starting session: ")
		if connections != 1 || sessions < 1 || sessions > 2 {
			t.Errorf("%s: %d connections and %d sessions, want 1 and at most 2:\n%s", h.Name, connections, sessions, log)
		}
	}
}

const (
	sixTrips = 6
	oneWay   = 250 * time.Millisecond
)

// roundTrips measures the sequential round trips of a plan without changes,
// from the agent's first output to the end of its input. It compares the times
// with a short and a long delay.
func roundTrips(t *testing.T, l *lab.Lab) {
	took := func(name string, delay time.Duration) time.Duration {
		all, spec := relays(t, l, name, delay)
		apply(t, spec)
		best := time.Duration(math.MaxInt64)
		for range 3 {
			for _, r := range all {
				r.note(func() { r.connections, r.commands, r.firstWord = 0, nil, time.Time{} })
			}
			noChanges(t, spec)
			var slowest time.Duration
			for _, r := range all {
				r.note(func() {
					slowest = max(slowest, r.goodbye.Sub(r.firstWord))
					if r.connections != 1 || r.agents() > 2 {
						t.Errorf("%v: %d connections, sessions %q, want 1 and at most 2", r, r.connections, r.commands)
					}
				})
			}
			best = min(best, slowest)
		}
		return best
	}
	near, far := took("near", 0), took("far", oneWay)
	apply(t, labSpec())
	// The end of the input needs only one way.
	trips := (far - near - oneWay).Seconds() / (2 * oneWay).Seconds()
	t.Logf("hello to goodbye: %v, and %v with %v each way: %.1f sequential round trips", near, far, oneWay, trips)
	if math.Round(trips) > sixTrips {
		t.Errorf("want at most %d", sixTrips)
	}
}
