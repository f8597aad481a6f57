//go:build e2e

package e2e

import (
	"context"
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/lab"
)

//go:embed traces.sh
var traces string

// journals are the files of systemd-journald, which change all the time.
var journals = []string{"/var/log/journal"}

// mayRemain are the files that may remain according to docs/removal.md: those
// of a run that changes nothing, and backups of account files by tools such as
// useradd. Some files also change at every reboot.
var mayRemain = regexp.MustCompile(mayAppear.String() + `|^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|^/var/log/(wtmp|lastlog)$|^/var/tmp/systemd-private-`)

// A bareness is the state of hosts before the first apply.
type bareness struct {
	files  snapshot
	traces map[string]string // by host
}

func remember(t *testing.T, l *lab.Lab) bareness {
	t.Helper()
	b := bareness{takeExcept(t, l, journals), map[string]string{}}
	for _, h := range l.Hosts() {
		b.traces[h.Name] = on(t, h, "sh", "-c", traces)
	}
	return b
}

// restored fails the test unless these hosts are as they were before.
func (b bareness) restored(t *testing.T, l *lab.Lab, names ...string) {
	t.Helper()
	now := takeExcept(t, l, journals)
	before := snapshot{}
	for _, n := range names {
		before[n] = b.files[n]
		is := on(t, hostOf(t, l, n), "sh", "-c", traces)
		for _, line := range lacking(is, b.traces[n]) {
			t.Errorf("%s: new is %q", n, line)
		}
		for _, line := range lacking(b.traces[n], is) {
			t.Errorf("%s: missing is %q", n, line)
		}
	}
	before.sameExcept(t, now, mayRemain)
}

// lacking returns the lines of text that are not in other.
func lacking(text, other string) (list []string) {
	have := strings.Split(other, "\n")
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); !slices.Contains(have, line) {
			list = append(list, line)
		}
	}
	return list
}

// TestRemoval takes hosts off a cluster, and at last the cluster off its hosts.
// Each of them must be as it was before the first apply.
func TestRemoval(t *testing.T) {
	l := bare(t)
	before := remember(t, l)
	apply(t, labSpec())
	for _, tt := range []struct {
		promise string
		test    func(*testing.T, *lab.Lab, bareness)
	}{
		{"a host that is deleted from the spec leaves, and is as before", departs},
		{"it can be added again", rejoins},
		{"a host that is dead is done without", deadDeparts},
		{"a destroy that was killed is finished by the next one, and hosts are as before", destroyKilled},
		{"what was destroyed can be set up again", reinstalls},
	} {
		if !t.Run(tt.promise, func(t *testing.T) { tt.test(t, l, before) }) {
			t.FailNow()
		}
	}
}

// departs removes worker-2 from the spec.
func departs(t *testing.T, l *lab.Lab, before bareness) {
	spec := variant(t, l, lab.Variant{Name: "without", Without: "worker-2"})
	f := pmkctl(t, "plan", "-detailed-exitcode", spec).want(t, 2).
		holds(t, "- drain.worker-2", "- stop.worker-2", "- clean.worker-2", "- delete-node.worker-2", "- leave.worker-2", "to remove on 1 host")
	began := time.Now()
	apply(t, spec)
	t.Logf("it took %.1f s", time.Since(began).Seconds())
	before.restored(t, l, "worker-2")
	nodes(t, "cp-1", "worker-1")
	noChanges(t, spec)
	if t.Failed() {
		t.Log(f)
	}
}

// nodes fails the test unless the cluster has exactly these nodes.
func nodes(t *testing.T, want ...string) {
	t.Helper()
	got, err := kubectl(t).Nodes(t.Context())
	must(t, err)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("nodes are %q, want %q", got, want)
	}
}

func rejoins(t *testing.T, _ *lab.Lab, _ bareness) {
	apply(t, labSpec())
	_, err := kubectl(t).ReadySince(t.Context(), 3)
	must(t, err)
	nodes(t, "cp-1", "worker-1", "worker-2")
}

// deadDeparts lets worker-2 die. Its kubelet starts with it, because its disk
// is not cleaned.
func deadDeparts(t *testing.T, l *lab.Lab, _ bareness) {
	worker2 := hostOf(t, l, "worker-2")
	must(t, worker2.Kill(t.Context()))
	t.Cleanup(func() { must(t, worker2.Start(context.Background())) })
	without := variant(t, l, lab.Variant{Name: "without", Without: "worker-2"})
	pmkctl(t, "plan", without).want(t, 6).holds(t, "worker-2", "removed")
	given := variant(t, l, lab.Variant{Name: "dead", Without: "worker-2", More: `
removed {
  host        = "worker-2"
  unreachable = true
}
`})
	f := apply(t, given)
	f.holds(t, "delete-node.worker-2").lacks(t, "stop.worker-2", "clean.worker-2")
	nodes(t, "cp-1", "worker-1")
	noChanges(t, given)
}

// destroyKilled kills pmkctl with signal 9 when it has begun to clean a host.
func destroyKilled(t *testing.T, l *lab.Lab, before bareness) {
	r := start(t, "destroy", "-auto-approve", labSpec())
	if !r.until(1, "ok stop.cp-1") {
		t.Fatalf("it ended before: %v", r.wait())
	}
	must(t, r.cmd.Process.Kill())
	r.wait()
	// The agents without a connection hold their locks until they notice.
	began := time.Now()
	pmkctl(t, "destroy", "-auto-approve", "-lock-timeout=1m", labSpec()).want(t, 0)
	t.Logf("the second destroy took %.1f s", time.Since(began).Seconds())
	before.restored(t, l, "cp-1", "worker-1", "worker-2")
	pmkctl(t, "destroy", "-auto-approve", labSpec()).want(t, 0).holds(t, "Nothing to destroy")
}

func reinstalls(t *testing.T, l *lab.Lab, _ bareness) {
	apply(t, labSpec())
	works(t, l)
	noChanges(t, labSpec())
}
