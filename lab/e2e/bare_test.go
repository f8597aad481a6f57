//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/lab"
)

// TestBareHosts shows what pmkctl refuses to do, or must not do, on bare hosts.
// They must stay exactly as they are.
func TestBareHosts(t *testing.T) {
	l := bare(t)
	for _, tt := range []struct {
		promise string
		test    func(*testing.T, *lab.Lab)
	}{
		{"plan changes nothing", planOnBareHosts},
		{"a UDP path that is blocked one way fails the preflight", udpBlocked},
		{"a port that is held fails the preflight", portHeld},
		{"a wrong password of sudo is reported", wrongPassword},
		{"an unknown host key is refused", unknownHostKey},
		{"a changed host key is refused", changedHostKey},
		{"a host that cannot be reached is reported", unreachable},
		{"without a terminal nothing is approved", notApproved},
	} {
		t.Run(tt.promise, func(t *testing.T) {
			unchanged(t, l, func() { tt.test(t, l) })
		})
	}
}

func planOnBareHosts(t *testing.T, _ *lab.Lab) {
	f := pmkctl(t, "plan", "-detailed-exitcode", labSpec()).want(t, 2)
	if !regexp.MustCompile(`(?m)^Plan: \d+ to add, \d+ to change, 0 to remove on 3 hosts$`).MatchString(f.stdout) {
		t.Errorf("the summary is missing in %v", f)
	}
	pmkctl(t, "plan", labSpec()).want(t, 0)
	pmkctl(t, "preflight", labSpec()).want(t, 0).holds(t, "Preflight passed")
}

func udpBlocked(t *testing.T, l *lab.Lab) {
	worker1, worker2 := hostOf(t, l, "worker-1"), hostOf(t, l, "worker-2")
	rule := []string{"INPUT", "-p", "udp", "--dport", "8285", "-s", worker2.Address, "-j", "DROP"}
	on(t, worker1, append([]string{"iptables", "-A"}, rule...)...)
	defer on(t, worker1, append([]string{"iptables", "-D"}, rule...)...)
	pmkctl(t, "apply", "-auto-approve", labSpec()).want(t, 4).
		holds(t, "worker-2 -> worker-1 8285/udp", "nothing was changed").
		lacks(t, "worker-1 -> worker-2 8285/udp")
	noUnits(t, l)
}

func portHeld(t *testing.T, l *lab.Lab) {
	worker1 := hostOf(t, l, "worker-1")
	on(t, worker1, "systemd-run", "--quiet", "--collect", "--unit=holder", "python3", "-m", "http.server", "10250")
	defer on(t, worker1, "systemctl", "stop", "holder")
	must(t, lab.WaitFor(t.Context(), 20*time.Second, "python3 holds the port", func(context.Context) error {
		if out := on(t, worker1, "ss", "-Hltn", "sport", "=", ":10250"); out == "" {
			return fmt.Errorf("nothing listens")
		}
		return nil
	}))
	pid := strings.TrimSpace(on(t, worker1, "systemctl", "show", "--value", "--property=MainPID", "holder"))
	f := pmkctl(t, "apply", "-auto-approve", labSpec()).want(t, 4).holds(t, "nothing was changed")
	for line := range strings.Lines(f.stdout) {
		if strings.Contains(line, "worker-1") && strings.Contains(line, "10250/tcp") &&
			strings.Contains(line, "python3") && regexp.MustCompile(`\b`+pid+`\b`).MatchString(line) {
			noUnits(t, l)
			return
		}
	}
	t.Errorf("no line tells that python3 (pid %s) holds 10250/tcp on worker-1: %v", pid, f)
}

// noUnits fails the test if a host has a unit of ours.
func noUnits(t *testing.T, l *lab.Lab) {
	t.Helper()
	for _, h := range l.Hosts() {
		// systemctl fails if there are none.
		out := on(t, h, "sh", "-c", "systemctl list-unit-files --no-legend 'kube*' 'etcd*' 'containerd*' 'flanneld*' || true")
		if strings.TrimSpace(out) != "" {
			t.Errorf("%s has units: %s", h.Name, out)
		}
	}
}

func wrongPassword(t *testing.T, _ *lab.Lab) {
	pmkctl(t, "apply", "-auto-approve", "-var", "become_password=wrong-password", labSpec()).want(t, 6).
		holds(t, "cp-1", "password", "become_password").lacks(t, "wrong-password")
}

// unknownHostKey removes worker-1 from known_hosts.
func unknownHostKey(t *testing.T, l *lab.Lab) {
	port := fmt.Sprintf("]:%d ", hostOf(t, l, "worker-1").SSHPort)
	spec := variant(t, l, lab.Variant{Name: "unknown-key", KnownHosts: func(known string) string {
		var keep strings.Builder
		for line := range strings.Lines(known) {
			if !strings.Contains(line, port) {
				keep.WriteString(line)
			}
		}
		return keep.String()
	}})
	pmkctl(t, "apply", "-auto-approve", spec).want(t, 6).holds(t, "worker-1", "host key", "ssh scan")
}

// changedHostKey gives worker-1 the keys of worker-2 in known_hosts.
func changedHostKey(t *testing.T, l *lab.Lab) {
	one, two := fmt.Sprintf("]:%d ", hostOf(t, l, "worker-1").SSHPort), fmt.Sprintf("]:%d ", hostOf(t, l, "worker-2").SSHPort)
	spec := variant(t, l, lab.Variant{Name: "changed-key", KnownHosts: func(known string) string {
		return strings.NewReplacer(one, two, two, one).Replace(known)
	}})
	pmkctl(t, "apply", "-auto-approve", spec).want(t, 6).holds(t, "worker-1", "worker-2", "host key")
}

func unreachable(t *testing.T, l *lab.Lab) {
	worker1 := hostOf(t, l, "worker-1")
	must(t, worker1.Cut(t.Context()))
	f := pmkctl(t, "apply", "-auto-approve", labSpec())
	must(t, worker1.Join(t.Context()))
	f.want(t, 6).holds(t, "worker-1", "-exclude=worker-1")
	if f.took > 30*time.Second {
		t.Errorf("that took %v", f.took)
	}
}

func notApproved(t *testing.T, _ *lab.Lab) {
	pmkctl(t, "apply", labSpec()).want(t, 1).holds(t, "Plan: ", "Preflight passed", "-auto-approve")
}
