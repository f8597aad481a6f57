//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/lab"
)

// A preflightDoc is the part of preflight -json that the tests read.
type preflightDoc struct {
	ExitCode   int `json:"exit_code"`
	Findings   []preflightFinding
	Statements []struct{ Text, From, To, Verdict, Detail string }
	Edges      []struct {
		From, To, Protocol, Verdict string
		Port                        int
	}
	Excluded []struct{ Host, Why string } `json:"left_out"`
}

type preflightFinding struct{ ID, Level, Found, Cause string }

// A fault is a problem on bare hosts, and what preflight must report.
type fault struct {
	name    string
	spec    func(*testing.T, *lab.Lab) string // nil for that of make demo
	make    func(*testing.T, *lab.Lab)        // undone at the end of the test
	code    int
	id      string
	found   string // beginning of the finding; for a pair: FROM -> TO PORT/PROTO VERDICT
	cause   string // part of its cause
	nothing string // in no finding
	chance  bool   // it is found nearly always: preflight is run up to three times
}

// drop adds a rule to INPUT of a host until the test ends. %NAME% in it is
// replaced by the address of a host.
func drop(name, rule string) func(*testing.T, *lab.Lab) {
	return func(t *testing.T, l *lab.Lab) {
		for _, h := range l.Hosts() {
			rule = strings.ReplaceAll(rule, "%"+h.Name+"%", h.Address)
		}
		h, args := hostOf(t, l, name), strings.Fields(rule)
		on(t, h, append([]string{"iptables", "-A", "INPUT"}, args...)...)
		t.Cleanup(func() {
			_, err := h.Exec(context.Background(), append([]string{"iptables", "-D", "INPUT"}, args...)...)
			must(t, err)
		})
	}
}

// answering removes the limit of ICMP errors on a host. The kernel sends one a
// second to a peer, after a few at once, and preflight runs twice here: in the
// second run, a REJECT would look like a DROP.
func answering(name string) func(*testing.T, *lab.Lab) {
	return func(t *testing.T, l *lab.Lab) {
		h := hostOf(t, l, name)
		on(t, h, "sysctl", "-q", "-w", "net.ipv4.icmp_ratelimit=0")
		t.Cleanup(func() {
			_, err := h.Exec(context.Background(), "sysctl", "-q", "-w", "net.ipv4.icmp_ratelimit=1000")
			must(t, err)
		})
	}
}

func both(fs ...func(*testing.T, *lab.Lab)) func(*testing.T, *lab.Lab) {
	return func(t *testing.T, l *lab.Lab) {
		for _, f := range fs {
			f(t, l)
		}
	}
}

var faults = []fault{
	{name: "UDP dropped one way", make: drop("worker-1", "-p udp --dport 8285 -s %worker-2% -j DROP"), code: 4,
		id: "PF040", found: "worker-2 -> worker-1 8285/udp filtered", cause: "nothing arrived", nothing: "worker-1 -> worker-2"},
	{name: "UDP dropped both ways while TCP passes", code: 4, make: both(drop("worker-1", "-p udp -s %worker-2% -j DROP"), drop("worker-2", "-p udp -s %worker-1% -j DROP")),
		id: "PF040", found: "worker-1 -> worker-2 8285/udp filtered", cause: "nothing arrived", nothing: "tcp"},
	{name: "REJECT with ICMP", code: 4, make: both(answering("worker-1"), drop("worker-1", "-p udp --dport 8285 -s %worker-2% -j REJECT --reject-with icmp-port-unreachable")),
		id: "PF040", found: "worker-2 -> worker-1 8285/udp refused", cause: "ICMP port unreachable, sent by the host itself", nothing: "worker-1 -> worker-2"},
	{name: "REJECT with ICMP, prohibited", code: 4, make: both(answering("cp-1"), drop("cp-1", "-p tcp --dport 6443 -s %worker-2% -j REJECT --reject-with icmp-admin-prohibited")),
		id: "PF040", found: "worker-2 -> cp-1 6443/tcp prohibited", cause: "sent by the host itself", nothing: "worker-1"},
	{name: "REJECT with RST", code: 4, make: drop("cp-1", "-p tcp --dport 6443 -s %worker-2% -j REJECT --reject-with tcp-reset"),
		id: "PF040", found: "worker-2 -> cp-1 6443/tcp refused", nothing: "worker-1"},
	{name: "packets over 1400 bytes dropped", code: 4, make: drop("worker-1", "-s %worker-2% -m length --length 1401: -j DROP"),
		id: "PF047", found: "worker-2 -> worker-1 8285/udp too big", cause: "packets of 1500 bytes are dropped without a word, 1400 bytes pass", nothing: "filtered"},
	{name: "VXLAN-shaped packets dropped while others pass", code: 4, spec: vxlanSpec,
		make: drop("worker-1", "-p udp --dport 8472 -s %worker-2% -m u32 --u32 0>>22&0x3C@8>>24=0x08 -j DROP"),
		id:   "PF040", found: "worker-2 -> worker-1 8472/udp filtered", cause: "nothing arrived", nothing: "8285"},
	{name: "20 % random loss", code: 0, make: drop("worker-1", "! -i lo -s %worker-2% -m statistic --mode random --probability 0.2 -j DROP"),
		id: "PF041", found: "worker-", chance: true}, // in 1 of 87 runs none of 20 datagrams is lost
	{name: "only the replies dropped, TCP", code: 4, make: drop("worker-2", "-p tcp --sport 6443 -s %cp-1% -j DROP"),
		id: "PF040", found: "worker-2 -> cp-1 6443/tcp one way", cause: "requests arrive, replies are dropped", nothing: "worker-1"},
	{name: "only the replies dropped, UDP", code: 4, make: drop("worker-2", "-p udp --sport 8285 -s %worker-1% -j DROP"),
		id: "PF040", found: "worker-2 -> worker-1 8285/udp one way", cause: "requests arrive, replies are dropped", nothing: "cp-1"},
	{name: "a host that accepts and never answers", code: 4, make: drop("cp-1", "-p tcp --dport 6443 -s %worker-2% --tcp-flags PSH PSH -j DROP"),
		id: "PF040", found: "worker-2 -> cp-1 6443/tcp no answer", cause: "accepted", nothing: "worker-1"},
	{name: "a port held by a foreign process", code: 4, make: hold("CONT"), id: "PF030", found: "worker-1 10250/tcp held by python3 (pid "},
	{name: "a port held by a stopped process", code: 4, make: hold("STOP"), id: "PF030", found: "worker-1 10250/tcp held by python3 (pid "},
	{name: "two hosts with one machine-id", code: 4, make: sameMachineID, id: "PF022", found: "worker-1 and worker-2 have the same machine-id"},
}

// TestPreflightFaults puts faults into three bare hosts, one at a time.
func TestPreflightFaults(t *testing.T) {
	l := bare(t)
	preflight(t, labSpec(), 0)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			spec := labSpec()
			if f.spec != nil {
				spec = f.spec(t, l)
			}
			f.make(t, l)
			unchanged(t, l, func() {
				d := preflight(t, spec, f.code)
				for i := 0; f.chance && i < 2 && !f.hit(d); i++ {
					d = preflight(t, spec, f.code)
				}
				f.check(t, d)
				if f.code != 0 {
					pmkctl(t, "apply", "-auto-approve", spec).want(t, f.code).holds(t, f.found, "nothing was changed")
				}
			})
			noUnits(t, l)
		})
	}
	preflight(t, labSpec(), 0)
}

// preflight runs pmkctl preflight and returns its document.
func preflight(t *testing.T, spec string, code int) (d preflightDoc) {
	t.Helper()
	f := pmkctl(t, "preflight", "-json", spec).want(t, code)
	must(t, json.Unmarshal([]byte(f.stdout), &d))
	if d.ExitCode != code {
		t.Errorf("the document says exit code %d, want %d", d.ExitCode, code)
	}
	return d
}

// hit reports whether the fault was found.
func (f fault) hit(d preflightDoc) bool {
	return slices.ContainsFunc(d.Findings, func(got preflightFinding) bool {
		return got.ID == f.id && strings.HasPrefix(got.Found, f.found) && strings.Contains(got.Cause, f.cause)
	})
}

func (f fault) check(t *testing.T, d preflightDoc) {
	t.Helper()
	for _, got := range d.Findings {
		if f.nothing != "" && strings.Contains(got.Found, f.nothing) {
			t.Errorf("want no %q, got %+v", f.nothing, got)
		}
	}
	if !f.hit(d) {
		t.Errorf("want %s %q, because of %q; got %+v", f.id, f.found, f.cause, d.Findings)
	}
}

// vxlanSpec returns the spec of make demo with another backend.
func vxlanSpec(t *testing.T, l *lab.Lab) string {
	dir := variant(t, l, lab.Variant{Name: "vxlan"})
	file := filepath.Join(dir, "cluster.hcl")
	b, err := os.ReadFile(file)
	must(t, err)
	changed := strings.Replace(string(b), `backend = "udp"`, `backend = "vxlan"`, 1)
	if changed == string(b) {
		t.Fatal("the spec has no backend to change")
	}
	must(t, os.WriteFile(file, []byte(changed), 0o600))
	return dir
}

// hold lets a process listen on a kubelet's port, and sends it a signal.
func hold(signal string) func(*testing.T, *lab.Lab) {
	return func(t *testing.T, l *lab.Lab) {
		h := hostOf(t, l, "worker-1")
		on(t, h, "systemd-run", "--quiet", "--collect", "--unit=holder", "python3", "-m", "http.server", "10250")
		t.Cleanup(func() {
			_, err := h.Exec(context.Background(), "systemctl", "kill", "--signal=KILL", "holder")
			must(t, err)
		})
		must(t, lab.WaitFor(t.Context(), 20*time.Second, "python3 holds the port", func(context.Context) error {
			if out := on(t, h, "ss", "-Hltn", "sport", "=", ":10250"); out == "" {
				return errors.New("nothing listens")
			}
			return nil
		}))
		on(t, h, "systemctl", "kill", "--signal="+signal, "holder")
	}
}

func sameMachineID(t *testing.T, l *lab.Lab) {
	one, two := hostOf(t, l, "worker-1"), hostOf(t, l, "worker-2")
	id, was := on(t, one, "cat", "/etc/machine-id"), on(t, two, "cat", "/etc/machine-id")
	set := func(ctx context.Context, id string) error {
		_, err := two.Exec(ctx, "sh", "-c", "echo "+strings.TrimSpace(id)+" > /etc/machine-id")
		return err
	}
	must(t, set(t.Context(), id))
	t.Cleanup(func() { must(t, set(context.Background(), was)) })
}

// TestPreflightUnreachable: one host is off, and all other pairs are still
// judged.
func TestPreflightUnreachable(t *testing.T) {
	l := bare(t)
	worker2 := hostOf(t, l, "worker-2")
	must(t, worker2.Cut(t.Context()))
	t.Cleanup(func() { must(t, worker2.Join(context.Background())) })
	judged := func(d preflightDoc, want string) {
		t.Helper()
		for _, e := range d.Edges {
			switch {
			case e.From == "worker-2" || e.To == "worker-2":
				if e.Verdict != "not probed" {
					t.Errorf("%+v: want it not probed", e)
				}
			case e.Verdict != "ok" && want == "":
				t.Errorf("%+v: want it ok", e)
			}
		}
		if len(d.Excluded) != 1 || d.Excluded[0].Host != "worker-2" {
			t.Errorf("left out are %+v, want worker-2", d.Excluded)
		}
	}
	judged(preflight(t, labSpec(), 6), "")
	drop("worker-1", "-p udp --dport 8285 -s %cp-1% -j DROP")(t, l)
	d := preflight(t, labSpec(), 4)
	judged(d, "a fault")
	fault{id: "PF040", found: "cp-1 -> worker-1 8285/udp filtered"}.check(t, d)
}

// TestPreflightLive is a live cluster of two hosts that a third one joins.
// Preflight must not disturb it.
func TestPreflightLive(t *testing.T) {
	l := bare(t)
	pmkctl(t, "apply", "-auto-approve", "-exclude=worker-2", labSpec()).want(t, 0)
	for _, tt := range []struct {
		promise string
		test    func(*testing.T, *lab.Lab)
	}{
		{"a new host passes", func(t *testing.T, _ *lab.Lab) { preflight(t, labSpec(), 0) }},
		{"a new host with its flannel port filtered is found", joinFiltered},
		{"a live host with its flannel port filtered is found", liveFiltered},
		{"packets over 1400 bytes dropped are found", liveBigPackets},
		{"no request to a Service is lost", noRequestLost},
		{"flanneld's journal stays quiet", quietJournal},
		{"a component that is stopped is found", stoppedComponent},
	} {
		t.Run(tt.promise, func(t *testing.T) { tt.test(t, l) })
	}
}

func joinFiltered(t *testing.T, l *lab.Lab) {
	drop("worker-2", "-p udp --dport 8285 -j DROP")(t, l)
	unchanged(t, l, func() {
		fault{id: "PF040", found: "everyone -> worker-2: 8285/udp filtered", nothing: "worker-2 ->"}.check(t, preflight(t, labSpec(), 4))
		pmkctl(t, "apply", "-auto-approve", labSpec()).want(t, 4).holds(t, "everyone -> worker-2: 8285/udp filtered", "nothing was changed")
	})
}

func liveFiltered(t *testing.T, l *lab.Lab) {
	drop("worker-1", "-p udp --dport 8285 -s %cp-1% -j DROP")(t, l)
	d := preflight(t, labSpec(), 4)
	fault{id: "PF040", found: "cp-1 -> worker-1 8285/udp filtered", nothing: "overlay"}.check(t, d)
}

func liveBigPackets(t *testing.T, l *lab.Lab) {
	drop("worker-1", "-p udp --dport 8285 -s %cp-1% -m length --length 1401: -j DROP")(t, l)
	fault{id: "PF047", found: "cp-1 -> worker-1 8285/udp too big", cause: "1400 bytes pass"}.check(t, preflight(t, labSpec(), 4))
}

// clientScript requests a URL for so many seconds, and prints the numbers of
// answers and failures, and the first error.
const clientScript = `
import sys, time, urllib.request
url, end, got, lost, why = sys.argv[1], time.time() + float(sys.argv[2]), 0, 0, ""
while time.time() < end:
    try:
        urllib.request.urlopen(url, timeout=3).read()
        got += 1
    except Exception as e:
        lost, why = lost + 1, why or repr(e)
print(got, lost, why)
`

// noRequestLost requests the Service from each live host while preflight runs.
func noRequestLost(t *testing.T, l *lab.Lab) {
	apply(t, labSpec())
	works(t, l)
	k := kubectl(t)
	out, err := exec.CommandContext(t.Context(), k.Program, "--kubeconfig", k.Kubeconfig, "-n", "pmk-check", "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}").Output()
	must(t, err)
	const seconds = 12
	said := make(chan string, len(l.Hosts()))
	for _, h := range l.Hosts() {
		go func() {
			out, err := h.Exec(t.Context(), "python3", "-c", clientScript, "http://"+string(out)+"/", fmt.Sprint(seconds))
			said <- fmt.Sprint(h.Name, " ", strings.TrimSpace(out), " ", err)
		}()
	}
	runs := 0
	for end := time.Now().Add((seconds - 1) * time.Second); time.Now().Before(end); runs++ {
		d := preflight(t, labSpec(), 0)
		for _, e := range d.Edges {
			if e.Verdict != "ok" {
				t.Errorf("on the live cluster: %+v", e)
			}
		}
	}
	for range l.Hosts() {
		var name, why string
		var got, lost int
		line := <-said
		if _, err := fmt.Sscan(line, &name, &got, &lost, &why); err != nil || lost > 0 || got < 50 {
			t.Errorf("a client: %s", line)
		}
		t.Logf("%d preflights meanwhile; a client: %s", runs, line)
	}
}

// quietJournal runs preflight ten times and counts the log lines of flanneld.
func quietJournal(t *testing.T, l *lab.Lab) {
	since := strings.TrimSpace(on(t, l.Hosts()[0], "date", "+%Y-%m-%d %H:%M:%S.%N"))
	for range 10 {
		preflight(t, labSpec(), 0)
	}
	for _, h := range l.Hosts() {
		lines := strings.TrimSpace(on(t, h, "journalctl", "-q", "-o", "cat", "-u", "flanneld", "--since", since))
		if n := len(strings.Split(lines, "\n")); lines != "" && n > 3 {
			t.Errorf("%s: flanneld wrote %d lines: %s", h.Name, n, tail(lines))
		}
	}
}

func stoppedComponent(t *testing.T, l *lab.Lab) {
	h := hostOf(t, l, "worker-1")
	on(t, h, "systemctl", "kill", "--signal=STOP", "kube-proxy")
	t.Cleanup(func() {
		_, err := h.Exec(context.Background(), "systemctl", "kill", "--signal=CONT", "kube-proxy")
		must(t, err)
	})
	fault{id: "PF031", found: "worker-1 10256/tcp held by kube-proxy (pid "}.check(t, preflight(t, labSpec(), 4))
}
