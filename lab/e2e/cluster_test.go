//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/lab"
	"github.com/pmkctl/pmkctl/lab/check"
)

// TestCluster follows one cluster from the first apply on. If the cluster does
// not work, the other tests are skipped.
func TestCluster(t *testing.T) {
	l := bare(t)
	for i, tt := range []struct {
		promise string
		test    func(*testing.T, *lab.Lab)
	}{
		{"bare hosts to the third Ready node in 90 s", bareToReady},
		{"Kubernetes itself says that it works", works},
		{"plan after apply finds no changes", planAfterApply},
		{"plan changes nothing on a live cluster", planOnLiveCluster},
		{"plan with nothing to change is no slower than ssh HOST true", noSlowerThanSSH},
		{"plan is one connection and at most two sessions a host", oneConnection},
		{"plan is at most six sequential round trips from the hello", roundTrips},
		{"the password of sudo is shown nowhere", noPasswordShown},
		{"drift is one line of one step, and apply restores it alone", drift},
		{"plan -drift reports who changed what", driftReported},
		{"a saved plan is refused once it is not true, and is applied once", savedPlan},
		{"a host comes back from a reboot without pmkctl", comesBack},
	} {
		if !t.Run(tt.promise, func(t *testing.T) { tt.test(t, l) }) && i < 2 {
			t.FailNow()
		}
	}
}

const (
	readyWithin = 90 * time.Second
	backWithin  = 120 * time.Second
)

// bareToReady measures one run; make bench gives the median of three.
func bareToReady(t *testing.T, _ *lab.Lab) {
	began := time.Now()
	f := apply(t, labSpec())
	ready, err := kubectl(t).ReadySince(t.Context(), 3)
	must(t, err)
	t.Logf("apply took %.1f s; the third node was Ready after %.0f s", f.took.Seconds(), ready.Sub(began).Seconds())
	if ready.Sub(began) > readyWithin {
		t.Errorf("that is more than %v", readyWithin)
	}
}

func planAfterApply(t *testing.T, _ *lab.Lab) { noChanges(t, labSpec()) }

func planOnLiveCluster(t *testing.T, l *lab.Lab) {
	unchanged(t, l, func() {
		noChanges(t, labSpec())
		pmkctl(t, "preflight", labSpec()).want(t, 0)
	})
}

func drift(t *testing.T, l *lab.Lab) {
	const config = "/var/lib/kubelet/config.yaml"
	worker1 := hostOf(t, l, "worker-1")
	files, units := take(t, l), activations(t, l)
	on(t, worker1, "sh", "-c", "echo x >> "+config)
	t.Cleanup(func() {
		if t.Failed() { // so that the next tests do not fail because of this
			_, _ = worker1.Exec(context.Background(), "sh", "-c", "sed -i '/^x$/d' "+config+" && systemctl restart kubelet")
		}
	})

	f := pmkctl(t, "plan", "-detailed-exitcode", labSpec()).want(t, 2).
		holds(t, "Plan: 0 to add, 1 to change, 0 to remove on 1 host")
	if diff := diffLines(f.stdout); !slices.Equal(diff, []string{"- x"}) {
		t.Errorf("the diff is %q, want one line: %v", diff, f)
	}

	apply(t, labSpec())
	after := take(t, l)
	if got, want := files.written(after, owned(t, l)), []string{"worker-1 " + config}; !slices.Equal(got, want) {
		t.Errorf("written were %q, want %q", got, want)
	}
	if was, is := files["worker-1"][config].what, after["worker-1"][config].what; was != is {
		t.Errorf("%s was %q, is %q", config, was, is)
	}
	if got, want := restarted(units, activations(t, l)), []string{"worker-1 kubelet.service"}; !slices.Equal(got, want) {
		t.Errorf("started were %q, want %q", got, want)
	}
	noChanges(t, labSpec())
}

// driftReported edits a file with sudo, and expects to find root and the
// command in the report.
func driftReported(t *testing.T, l *lab.Lab) {
	const config = "/var/lib/kubelet/config.yaml"
	worker1 := hostOf(t, l, "worker-1")
	pmkctl(t, "plan", "-drift", "-detailed-exitcode", labSpec()).want(t, 0).holds(t, "No drift")
	on(t, worker1, "sudo", "sed", "-i", "-e", "$amaxPods: 77", config)
	pmkctl(t, "plan", "-drift", "-detailed-exitcode", labSpec()).want(t, 2).
		holds(t, "~ "+config, "+ maxPods: 77", "root by sudo: /usr/bin/sed -i", "1 thing on 1 host")
	apply(t, labSpec())
	pmkctl(t, "plan", "-drift", "-detailed-exitcode", labSpec()).want(t, 0)
}

// diffLines returns the lines of a plan that show an added or removed line of a
// file.
func diffLines(plan string) []string {
	var list []string
	for line := range strings.Lines(plan) {
		rest, ok := strings.CutPrefix(line, "        ")
		if ok && (strings.HasPrefix(rest, "+ ") || strings.HasPrefix(rest, "- ")) {
			list = append(list, strings.TrimSpace(rest))
		}
	}
	return list
}

func comesBack(t *testing.T, l *lab.Lab) {
	worker1 := hostOf(t, l, "worker-1")
	k := kubectl(t)
	began := time.Now()
	must(t, reboot(t.Context(), worker1))
	deadline := began.Add(backWithin)
	err := lab.WaitFor(t.Context(), time.Until(deadline), "kubelet, lease and a pod of worker-1 are back", func(ctx context.Context) error {
		kubelet, err := enteredActive(ctx, worker1, "kubelet.service")
		if err != nil {
			return err
		}
		lease, err := k.LeaseRenewed(ctx, worker1.Name)
		if err != nil {
			return err
		}
		if !kubelet.After(began) || !lease.After(began) {
			return fmt.Errorf("kubelet active since %v, lease renewed at %v, reboot at %v", kubelet, lease, began)
		}
		return k.Reach(ctx, "cp-1", worker1.Name)
	})
	must(t, err)
	t.Logf("back after %.0f s", time.Since(began).Seconds())
	must(t, check.Cluster(t.Context(), k, l.Hosts(), t.Output()))
	noChanges(t, labSpec())
}

// enteredActive returns when a unit was last started, in full seconds.
func enteredActive(ctx context.Context, h lab.Host, unit string) (time.Time, error) {
	out, err := h.Exec(ctx, "systemctl", "show", "--timestamp=unix", "--value", "--property=ActiveEnterTimestamp", unit)
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimSpace(out), "@"), 10, 64)
	if err != nil {
		return time.Time{}, errors.New(unit + " is not active")
	}
	return time.Unix(seconds, 0), nil
}
