package reach_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

func TestFaults(t *testing.T) {
	w := newNetwork(t, 3)
	rule := func(hostName, rule string) func(*testing.T) string {
		return func(t *testing.T) string { w.filter(t, hostName, rule); return "" }
	}
	tests := []struct {
		name   string
		break_ func(t *testing.T) string // returns what replaces %s in want
		want   string
	}{
		{"healthy", func(*testing.T) string { return "" }, ""},
		{"datagrams dropped one way", rule("worker-1", "INPUT -p udp --dport 8285 -s 10.77.0.3 -j DROP"),
			"PF040 error worker-2 -> worker-1 8285/udp filtered\n"},
		{"datagrams dropped one way, echoes too", rule("worker-1", "INPUT -p udp -s 10.77.0.3 -j DROP"),
			"PF040 error worker-2 -> worker-1 8285/udp filtered\n"},
		{"datagrams refused by ICMP", rule("worker-1", "INPUT -p udp --dport 8285 -s 10.77.0.3 -j REJECT"),
			"PF040 error worker-2 -> worker-1 8285/udp refused\n"},
		{"datagrams prohibited", rule("worker-1", "INPUT -p udp --dport 8285 -s 10.77.0.3 -j REJECT --reject-with icmp-admin-prohibited"),
			"PF040 error worker-2 -> worker-1 8285/udp prohibited\n"},
		{"no route for datagrams", rule("worker-1", "INPUT -p udp --dport 8285 -s 10.77.0.3 -j REJECT --reject-with icmp-host-unreachable"),
			"PF040 error worker-2 -> worker-1 8285/udp no route\n"},
		{"echoes dropped", rule("worker-2", "INPUT -p udp --sport 8285 -s 10.77.0.2 -j DROP"),
			"PF040 error worker-2 -> worker-1 8285/udp one way\n"},
		{"a firewall without state", rule("worker-2", "INPUT -p udp ! --dport 8285 -j DROP"), ""},
		{"own firewall", rule("worker-2", "OUTPUT -p udp --dport 8285 -d 10.77.0.2 -j DROP"),
			"PF040 error worker-2 -> worker-1 8285/udp prohibited\n"},
		{"connections dropped", rule("cp-1", "INPUT -p tcp --dport 6443 -s 10.77.0.3 -j DROP"),
			"PF040 error worker-2 -> cp-1 6443/tcp filtered\n"},
		{"connections reset", rule("cp-1", "INPUT -p tcp --dport 6443 -s 10.77.0.3 -j REJECT --reject-with tcp-reset"),
			"PF040 error worker-2 -> cp-1 6443/tcp refused\n"},
		{"connections prohibited", rule("cp-1", "INPUT -p tcp --dport 6443 -s 10.77.0.3 -j REJECT --reject-with icmp-admin-prohibited"),
			"PF040 error worker-2 -> cp-1 6443/tcp prohibited\n"},
		{"answers to connections dropped", rule("worker-2", "INPUT -p tcp --sport 6443 -j DROP"),
			"PF040 error worker-2 -> cp-1 6443/tcp one way\n"},
		{"connections accepted and never answered", rule("cp-1", "INPUT -p tcp --dport 6443 -s 10.77.0.3 --tcp-flags PSH PSH -j DROP"),
			"PF040 error worker-2 -> cp-1 6443/tcp no answer\n"},
		{"a proxy that accepts and never answers", func(t *testing.T) string {
			w.hold(t, "worker-1", "tcp", 9999)
			w.filter(t, "worker-1", "PREROUTING -t nat -p tcp --dport 10250 -s 10.77.0.3 -j REDIRECT --to-ports 9999")
			return ""
		}, "PF040 error worker-2 -> worker-1 10250/tcp no answer\n"},
		{"datagrams dropped both ways", func(t *testing.T) string {
			w.filter(t, "worker-1", "INPUT -p udp --dport 8285 -s 10.77.0.3 -j DROP")
			w.filter(t, "worker-2", "INPUT -p udp --dport 8285 -s 10.77.0.2 -j DROP")
			return ""
		}, "PF040 error worker-1 -> worker-2 8285/udp filtered\nPF040 error worker-2 -> worker-1 8285/udp filtered\n"},
		{"a host cut off", rule("worker-2", "INPUT ! -i lo -j DROP"),
			"PF040 error everyone -> worker-2: 10250/tcp, 8285/udp filtered\n"},
		{"loss", rule("worker-1", "INPUT -s 10.77.0.3 -p udp --dport 8285 -m statistic --mode nth --every 5 --packet 0 -j DROP"),
			"PF041 warning worker-2 -> worker-1 8285/udp lossy\n"},
		{"large packets dropped one way", rule("worker-1", "INPUT -s 10.77.0.3 -p udp -m length --length 1401: -j DROP"),
			"PF047 error worker-2 -> worker-1 8285/udp too big: packets of 1500 bytes are dropped without a word, 1400 bytes pass\n"},
		{"large packets dropped everywhere", func(t *testing.T) string {
			for _, h := range w.hosts {
				w.filter(t, h.name, "INPUT -i eth0 -m length --length 1373: -j DROP")
			}
			return ""
		}, "PF047 error everyone -> everyone: 8285/udp too big: packets of 1500 bytes are dropped without a word, 1372 bytes pass\n"},
		{"large packets refused", rule("worker-1", "INPUT -s 10.77.0.3 -p udp -m length --length 1401: -j REJECT --reject-with icmp-admin-prohibited"),
			"PF047 error worker-2 -> worker-1 8285/udp too big: packets of 1500 bytes are prohibited by 10.77.0.2, 1400 bytes pass\n"},
		{"a smaller link", func(t *testing.T) string {
			w.ip(t, w.host("worker-1").ns, "link set eth0 mtu 1450")
			t.Cleanup(func() { w.ip(t, w.host("worker-1").ns, "link set eth0 mtu 1500") })
			return ""
		}, "PF047 error everyone -> worker-1: 8285/udp too big: packets of 1500 bytes are dropped without a word, 1454 bytes pass\n"}, // room for a VLAN's tag
		{"random loss", rule("worker-1", "INPUT ! -i lo -m statistic --mode random --probability 0.2 -j DROP"), "any loss"},
		{"loss of connections", func(t *testing.T) string { // the first two tries
			for _, every := range []string{"3", "2"} {
				w.filter(t, "worker-1", "INPUT -s 10.77.0.3 -p tcp --dport 10250 --syn -m statistic --mode nth --packet 0 -j DROP --every "+every)
			}
			return ""
		},
			"PF041 warning worker-2 -> worker-1 10250/tcp lossy\n"},
		{"another port, the same address", rule("worker-2", "POSTROUTING -t nat -d 10.77.0.2 -p udp -j SNAT --to-source 10.77.0.3:4000-5000"), ""},
		{"translated", func(t *testing.T) string {
			w.ip(t, w.host("worker-2").ns, "addr add 10.77.0.99/24 dev eth0")
			t.Cleanup(func() { w.ip(t, w.host("worker-2").ns, "addr del 10.77.0.99/24 dev eth0") })
			w.filter(t, "worker-2", "POSTROUTING -t nat -d 10.77.0.2 -p udp -j SNAT --to-source 10.77.0.99")
			return ""
		}, "PF042 warning worker-2 is seen as 10.77.0.99, not 10.77.0.3, by worker-1\n"},
		{"unplugged", func(t *testing.T) string {
			plug := func(state string) {
				w.ip(t, w.prefix+"sw", "link set p2 "+state)
				for _, h := range w.hosts {
					w.ip(t, h.ns, "neigh flush dev eth0")
				}
			}
			plug("down")
			t.Cleanup(func() {
				plug("up")
				w.await(t)
			})
			return ""
		}, "PF040 error worker-2 <-> everyone: 10250/tcp, 8285/udp, 6443/tcp no route\n"},
		{"redirected", rule("worker-2", "OUTPUT -t nat -d 10.77.0.2 -p udp -j DNAT --to-destination 10.77.0.1"),
			"PF040 error worker-2 -> worker-1 8285/udp wrong host\n"},
		{"a port held", func(t *testing.T) string { return fmt.Sprint(w.hold(t, "worker-1", "tcp", 10250)) },
			"PF030 error worker-1 10250/tcp held by reach.test (pid %s)\n"},
		{"a datagram port held", func(t *testing.T) string { return fmt.Sprint(w.hold(t, "worker-1", "udp", 8285)) },
			"PF030 error worker-1 8285/udp held by reach.test (pid %s)\n"},
		{"a port held by a stopped process", func(t *testing.T) string {
			pid := w.hold(t, "worker-1", "tcp", 10250)
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(pid)
		}, "PF030 error worker-1 10250/tcp held by reach.test (pid %s, stopped)\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			arg := tt.break_(t)
			begin := time.Now()
			r, err := w.connectivity().Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("took %s", time.Since(begin))
			want := tt.want
			if strings.Contains(want, "%s") {
				want = fmt.Sprintf(want, arg)
			}
			if want == "any loss" {
				if bad(r) == "" || len(r.Failing()) > 0 {
					t.Errorf("got %q, want a warning of loss", bad(r))
				}
				return
			}
			if d := cmp.Diff(want, bad(r)); d != "" {
				t.Errorf("findings, want - got +:\n%s", d)
				for _, e := range r.Edges {
					t.Logf("%s (%s) %s %d/%d", e, e.Detail, e.RTT, e.Got, e.Sent)
				}
			}
		})
	}
}

// On live hosts the kernel holds vxlan's port, and the pod network runs.
func TestVXLAN(t *testing.T) {
	w := newNetwork(t, 3)
	const vxlanOnly = "-m u32 --u32 0>>22&0x3C@8>>24=0x08" // the flags that a VXLAN header begins with
	tests := []struct {
		name   string
		live   []string
		break_ func(t *testing.T)
		want   string
		echoes int // between addresses on the pod network
	}{
		{"bare", nil, func(*testing.T) {}, "", 0},
		{"vxlan alone dropped", nil, func(t *testing.T) {
			w.filter(t, "worker-1", "INPUT -p udp --dport 8472 -s 10.77.0.3 "+vxlanOnly+" -j DROP")
		}, "PF040 error worker-2 -> worker-1 8472/udp filtered\n", 0},
		{"live", []string{"cp-1", "worker-1", "worker-2"}, func(*testing.T) {}, "", 6},
		{"live, one way dropped", []string{"cp-1", "worker-1", "worker-2"}, func(t *testing.T) {
			w.filter(t, "worker-1", "INPUT -p udp --dport 8472 -s 10.77.0.3 -j DROP")
		}, "PF040 error worker-2 -> worker-1 8472/udp filtered\n", 4},
		{"live, large packets dropped", []string{"cp-1", "worker-1", "worker-2"}, func(t *testing.T) {
			w.filter(t, "worker-1", "INPUT -p udp -s 10.77.0.3 -m length --length 1401: -j DROP")
		}, "PF047 error worker-2 -> worker-1 8472/udp too big: packets of 1500 bytes are dropped without a word, 1400 bytes pass\n", 6},
		{"a new host joins", []string{"cp-1", "worker-1"}, func(*testing.T) {}, "", 2},
		{"a new host joins, its port filtered", []string{"cp-1", "worker-1"}, func(t *testing.T) {
			w.filter(t, "worker-2", "INPUT -p udp --dport 8472 -j DROP")
		}, "PF040 error everyone -> worker-2: 8472/udp filtered\n", 2},
		{"the pod network is down", []string{"cp-1", "worker-1", "worker-2"}, func(t *testing.T) {
			w.bridge(t, w.host("worker-1").ns, "del 00:00:00:00:00:00 dev flannel.1 dst 10.77.0.3")
		}, "PF048 error worker-1 -> worker-2 overlay filtered\nPF048 error worker-2 -> worker-1 overlay filtered\n", 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.live(t, tt.live...)
			tt.break_(t)
			r, err := w.vxlan().Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, bad(r)); d != "" {
				t.Errorf("findings, want - got +:\n%s", d)
			}
			echoes := 0
			for _, e := range r.Edges {
				if e.Port == 0 && e.Verdict.Passes() {
					echoes++
				}
				if t.Failed() {
					t.Logf("%s (%s) %s %d/%d", e, e.Detail, e.RTT, e.Got, e.Sent)
				}
			}
			if echoes != tt.echoes {
				t.Errorf("got %d echoes through the pod network, want %d", echoes, tt.echoes)
			}
		})
	}
}

// If the pod network consists of routes there is no port to dial. Echoes of
// the kernel measure the path's MTU, and echoes from the bridge behind them
// test the routes.
func TestHostGW(t *testing.T) {
	w := newNetwork(t, 3)
	all := []string{"cp-1", "worker-1", "worker-2"}
	tests := []struct {
		name   string
		live   []string
		break_ func(t *testing.T)
		want   string
		path   int // the path MTU; 0 means unknown
		echoes int // through routes between pods
	}{
		{"bare", nil, func(*testing.T) {}, "", 1500, 0},
		{"large packets dropped", nil, func(t *testing.T) {
			w.filter(t, "worker-1", "INPUT -s 10.77.0.3 -p icmp -m length --length 1401: -j DROP")
		}, "PF047 error worker-1 -> worker-2 icmp too big: packets of 1500 bytes are dropped without a word, 1400 bytes pass\n" + // an echo does not show the direction
			"PF047 error worker-2 -> worker-1 icmp too big: packets of 1500 bytes are dropped without a word, 1400 bytes pass\n", 1400, 0},
		{"no echoes", nil, func(t *testing.T) {
			for _, h := range w.hosts {
				w.filter(t, h.name, "INPUT -p icmp -j DROP")
			}
		}, "", 0, 0},
		{"live", all, func(*testing.T) {}, "", 1500, 6},
		{"a new host joins", []string{"cp-1", "worker-1"}, func(*testing.T) {}, "", 1500, 2},
		{"packets for pods dropped", all, func(t *testing.T) {
			w.filter(t, "worker-1", "INPUT -s 10.77.0.3 -d 10.244.0.0/16 -j DROP")
		}, "PF048 error worker-2 -> worker-1 overlay filtered\n", 1500, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.route(t, tt.live...)
			tt.break_(t)
			r, err := w.hostGW().Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, bad(r)); d != "" {
				t.Errorf("findings, want - got +:\n%s", d)
			}
			path, echoes := 0, 0
			if r.MTU != nil {
				path = r.MTU.Path
			}
			for _, e := range r.Edges {
				if e.Proto == "overlay" && e.Verdict.Passes() {
					echoes++
				}
				if t.Failed() {
					t.Logf("%s (%s) %s %d/%d", e, e.Detail, e.RTT, e.Got, e.Sent)
				}
			}
			if path != tt.path || echoes != tt.echoes {
				t.Errorf("got a path MTU of %d and %d echoes through routes, want %d and %d", path, echoes, tt.path, tt.echoes)
			}
		})
	}
}

// The pace that preflight must keep, with room for a machine that is shared.
func TestPace(t *testing.T) {
	for _, tt := range []struct {
		hosts int
		limit time.Duration
	}{{3, 150 * time.Millisecond}, {10, 500 * time.Millisecond}} {
		t.Run(fmt.Sprint(tt.hosts), func(t *testing.T) {
			w := newNetwork(t, tt.hosts)
			best := time.Hour
			for range 5 {
				r, err := w.connectivity().Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if failing := r.Failing(); len(failing) > 0 {
					t.Fatal(failing)
				}
				best = min(best, r.Took)
			}
			t.Logf("%d hosts, best of 5: %s", tt.hosts, best)
			if best > tt.limit {
				t.Errorf("probing %d hosts took %s, want at most %s", tt.hosts, best, tt.limit)
			}
		})
	}
}

// Hosts that are healthy but short of processors raise no alarm.
func TestFalseAlarms(t *testing.T) {
	w := newNetwork(t, 10)
	burn(t, 2*runtime.NumCPU())
	runs := 0
	for end := time.Now().Add(6 * time.Second); runs < 5 || time.Now().Before(end) && runs < 100; runs++ {
		r, err := w.connectivity().Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Hosts {
			if f.Level == preflight.Error || f.ID == preflight.Loss {
				t.Errorf("run %d, which took %s: %s", runs, r.Took, f)
			}
		}
	}
	t.Logf("%d runs", runs)
}

// A host that gets a processor only for moments answers late, and reads
// answers late. That is not taken for a firewall, but a real firewall on such
// a host is still found.
func TestStutter(t *testing.T) {
	tests := []struct{ name, host, rule, want string }{
		{"healthy", "", "", ""},
		{"replies dropped", "worker-2", "INPUT -p udp --sport 8285 -s 10.77.0.2 -j DROP", "PF040 error worker-2 -> worker-1 8285/udp one way\n"},
		{"requests dropped", "worker-1", "INPUT -p udp --dport 8285 -s 10.77.0.3 -j DROP", "PF040 error worker-2 -> worker-1 8285/udp filtered\n"},
	}
	for _, tt := range tests {
		for _, busy := range []string{"worker-1", "worker-2"} {
			t.Run(tt.name+" "+busy, func(t *testing.T) {
				w := newNetwork(t, 3)
				if tt.rule != "" {
					w.filter(t, tt.host, tt.rule)
				}
				w.stutter(t, busy, 330*time.Millisecond, 50*time.Millisecond)
				for runs := 0; runs == 0 || runs < 3 && tt.want == ""; runs++ {
					r, err := w.connectivity().Run(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					got := ""
					for _, line := range strings.SplitAfter(bad(r), "\n") {
						if !strings.HasPrefix(line, preflight.Overload) {
							got += line
						}
					}
					if d := cmp.Diff(tt.want, got); d != "" {
						t.Errorf("findings, want - got +, after %s:\n%s", r.Took, d)
					}
				}
			})
		}
	}
}

// stutter stops a host's prober again and again until the test ends.
func (w *network) stutter(t *testing.T, hostName string, off, on time.Duration) {
	pid := w.host(hostName).cmd.Process.Pid
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
			time.Sleep(off)
			_ = syscall.Kill(pid, syscall.SIGCONT)
			select {
			case <-end:
				return
			case <-time.After(on):
			}
		}
	}()
	t.Cleanup(func() {
		close(end)
		<-ended
	})
}

// burn keeps processors busy until the test ends.
func burn(t *testing.T, n int) {
	for range n {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"=burner")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
}
