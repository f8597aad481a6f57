package reach_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/modules/preflight/reach"
)

// small returns a cluster of hosts in memory: cp-1 and workers, with the API
// server, the kubelets and flannel's udp backend.
func small(n int) (reach.Connectivity, *hosttest.Cluster) {
	c := reach.Connectivity{Hosts: map[string]host.Host{}, Addresses: map[string]string{}, Ports: map[string][]preflight.Port{}, Overhead: 28}
	var names []string
	var all []*hosttest.Host
	for i := range n {
		name, addr := fmt.Sprintf("worker-%d", i), fmt.Sprintf("10.0.%d.%d", i/200, 1+i%200)
		if i == 0 {
			name = "cp-1"
			c.Ports[name] = append(c.Ports[name], preflight.Port{Proto: "tcp", Port: 6443, Unit: "kube-apiserver.service"})
		}
		h := hosttest.New(name, hosttest.WithAddress(addr+"/16"))
		names, all = append(names, name), append(all, h)
		c.Hosts[name], c.Addresses[name] = h, addr
		c.Ports[name] = append(c.Ports[name],
			preflight.Port{Proto: "tcp", Port: 10250, Unit: "kubelet.service"},
			preflight.Port{Proto: "udp", Addr: addr, Port: 8285, Unit: "flanneld.service"})
	}
	for _, from := range names {
		for _, to := range names {
			if from == to {
				continue
			}
			if to == "cp-1" {
				c.Edges = append(c.Edges, preflight.Edge{From: from, To: to, Proto: "tcp", Port: 6443})
			}
			c.Edges = append(c.Edges, preflight.Edge{From: from, To: to, Proto: "tcp", Port: 10250},
				preflight.Edge{From: from, To: to, Proto: "udp", Port: 8285})
		}
	}
	return c, hosttest.NewCluster(all...)
}

// bad returns the findings of a report, one line each.
func bad(r *preflight.Report) string {
	var b strings.Builder
	for _, f := range r.Hosts {
		fmt.Fprintf(&b, "%s %s %s", f.ID, f.Level, f.Found)
		if f.ID == preflight.SmallPath {
			b.WriteString(": " + f.Cause)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestConnectivity(t *testing.T) {
	tests := []struct {
		name   string
		break_ func(c *reach.Connectivity, n *hosttest.Cluster)
		want   string
	}{
		{"healthy", func(*reach.Connectivity, *hosttest.Cluster) {}, ""},
		{"one way", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp", Port: 8285})
		}, "PF040 error worker-2 -> worker-1 8285/udp filtered\n"},
		{"both ways", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp"})
			n.Net.Add(hosttest.Rule{From: "worker-1", To: "worker-2", Proto: "udp", Do: hosttest.Refuse})
		}, "PF040 error worker-1 -> worker-2 8285/udp refused\nPF040 error worker-2 -> worker-1 8285/udp filtered\n"},
		{"replies to datagrams", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp", Do: hosttest.DropReplies})
		}, "PF040 error worker-2 -> worker-1 8285/udp one way\n"},
		{"replies of a direction that is closed", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp", Do: hosttest.DropReplies})
			n.Net.Add(hosttest.Rule{From: "worker-1", To: "worker-2", Proto: "udp"})
		}, "PF040 error worker-1 -> worker-2 8285/udp filtered\n"},
		{"replies of a handshake", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "cp-1", Proto: "tcp", Port: 6443, Do: hosttest.DropReplies})
		}, "PF040 error worker-2 -> cp-1 6443/tcp one way\n"},
		{"prohibited", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "cp-1", Port: 6443, Do: hosttest.Prohibit})
		}, "PF040 error worker-2 -> cp-1 6443/tcp prohibited\n"},
		{"no route", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "cp-1", Port: 6443, Do: hosttest.NoRoute})
		}, "PF040 error worker-2 -> cp-1 6443/tcp no route\n"},
		{"loss", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp", Do: hosttest.Lose})
		}, "PF041 warning worker-2 -> worker-1 8285/udp lossy\n"},
		{"large packets one way", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp", Over: 1401})
		}, "PF047 error worker-2 -> worker-1 8285/udp too big: packets of 1500 bytes are dropped without a word, 1401 bytes pass\n"},
		{"large packets at one host", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{To: "worker-1", Proto: "udp", Over: 733})
		}, "PF047 error everyone -> worker-1: 8285/udp too big: packets of 1500 bytes are dropped without a word, 733 bytes pass\n"},
		{"replies to large packets", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp", Over: 1401, Do: hosttest.DropReplies})
		}, ""},
		{"the pod network itself", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			goLive(n, "worker-1", "worker-2")
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "icmp"})
		}, "PF048 error worker-2 -> worker-1 overlay filtered\n"},
		{"a proxy between", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "tcp", Do: hosttest.Swallow})
		}, "PF040 error worker-2 -> worker-1 10250/tcp no answer\n"},
		{"two hosts at one address", func(c *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Claim(c.Addresses["worker-1"], "worker-2")
		}, "PF040 error everyone -> worker-1: 10250/tcp, 8285/udp wrong host\n"},
		{"one host cut off", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{To: "worker-2"})
			n.Net.Add(hosttest.Rule{From: "worker-2"})
		}, "PF040 error worker-2 <-> everyone: 10250/tcp, 8285/udp, 6443/tcp filtered\n"},
		{"nothing passes", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{Proto: "udp"})
		}, "PF040 error everyone -> everyone: 8285/udp filtered\n"},
		{"a port held", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Host("worker-1").Listen(host.Socket{Proto: "tcp", Addr: "0.0.0.0", Port: 10250, PID: 1234, Process: "python3"})
		}, "PF030 error worker-1 10250/tcp held by python3 (pid 1234)\n"},
		{"a port held by another unit", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Host("worker-1").Listen(host.Socket{Proto: "udp", Addr: "0.0.0.0", Port: 8285, PID: 7, Process: "x", Unit: "x.service"})
		}, "PF030 error worker-1 8285/udp held by x (pid 7, unit x.service)\n"},
		{"a stopped component", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Host("worker-1").Listen(host.Socket{Proto: "tcp", Addr: "::", Port: 10250, PID: 7, Process: "kubelet", Unit: "kubelet.service", State: "T"})
		}, "PF031 error worker-1 10250/tcp held by kubelet (pid 7, unit kubelet.service, stopped)\n"},
		{"the components themselves", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Host("worker-1").Listen(host.Socket{Proto: "tcp", Addr: "::", Port: 10250, PID: 7, Process: "kubelet", Unit: "kubelet.service"})
			n.Host("worker-1").Listen(host.Socket{Proto: "udp", Addr: "10.0.0.2", Port: 8285, PID: 8, Process: "flanneld", Unit: "flanneld.service"})
		}, ""},
		{"an address that is not there", func(c *reach.Connectivity, _ *hosttest.Cluster) {
			c.Ports["worker-1"][1].Addr = "10.9.9.9"
		}, "PF032 error worker-1 8285/udp cannot be bound: the address is not on this host\n"},
		{"an agent dies", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Host("worker-1").FailOn(func(method, _ string) error {
				if method == "ProbeDial" {
					return host.ErrLost
				}
				return nil
			})
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp"})
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "cp-1", Proto: "udp"})
		}, "PF043 error worker-1 left during the probe: connection lost\nPF040 error worker-2 -> cp-1 8285/udp filtered\n"},
		{"load is not a firewall", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Host("worker-1").Overload(400 * time.Millisecond)
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp", Times: 2})
		}, ""},
		{"load and a firewall", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Host("worker-1").Overload(400 * time.Millisecond)
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp"})
		}, "PF046 warning worker-1 heard itself only after 400ms\nPF040 error worker-2 -> worker-1 8285/udp filtered\n"},
		{"replies lost in one pass", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp", Do: hosttest.DropReplies, Times: 2})
			n.Net.Add(hosttest.Rule{From: "worker-1", To: "worker-2", Proto: "tcp", Do: hosttest.DropReplies, Times: 1})
		}, ""},
		{"a host that answers late", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{To: "worker-1", Do: hosttest.Late, By: 900 * time.Millisecond})
		}, ""},
		{"a host that answers too late to tell", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{To: "worker-1", Do: hosttest.Late, By: time.Minute})
		}, "PF046 warning worker-1 got requests on 4 edges and answered too late to tell if answers pass\n"},
		{"a host that answers late, and a firewall", func(_ *reach.Connectivity, n *hosttest.Cluster) {
			n.Net.Add(hosttest.Rule{To: "worker-1", Proto: "udp", Do: hosttest.Late, By: time.Minute, Times: 4}) // two hosts, small and full-size
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "worker-1", Proto: "udp", Do: hosttest.DropReplies})
		}, "PF040 error worker-2 -> worker-1 8285/udp one way\n"},
		{"another probe", func(_ *reach.Connectivity, n *hosttest.Cluster) { n.Host("worker-1").Busy(2) }, ""},
		{"an apply", func(c *reach.Connectivity, n *hosttest.Cluster) {
			c.Holder = func(_ context.Context, name string) (*host.LockRequest, error) {
				if name != "worker-1" {
					return nil, nil
				}
				return &host.LockRequest{Who: "ann@desk", For: "apply"}, nil
			}
		}, "PF044 warning worker-1 is held by ann@desk since 0001-01-01T00:00:00Z for apply: nothing was bound there\n"},
		{"ignored", func(c *reach.Connectivity, n *hosttest.Cluster) {
			c.Levels = preflight.Levels{preflight.Unreached: preflight.Ignored}
			n.Net.Add(hosttest.Rule{From: "worker-2", To: "cp-1", Port: 6443})
		}, "PF040 ignored worker-2 -> cp-1 6443/tcp filtered\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, n := small(3)
			tt.break_(&c, n)
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, bad(r)); d != "" {
				t.Errorf("findings, want - got +:\n%s", d)
			}
			if len(r.Edges) < len(c.Edges) {
				t.Errorf("got %d edges, want %d", len(r.Edges), len(c.Edges))
			}
		})
	}
}

// goLive makes the pod network run on hosts.
func goLive(n *hosttest.Cluster, names ...string) {
	for _, name := range names {
		h := n.Host(name)
		h.Listen(host.Socket{Proto: "udp", Addr: "0.0.0.0", Port: 8285, PID: 8, Process: "flanneld", Unit: "flanneld.service"})
		now, err := h.Network(context.Background())
		if err != nil {
			panic(err)
		}
		now.Links = append(now.Links, host.NetLink{Name: "flannel0", Up: true, MTU: 1472, Addrs: []string{"10.244." + name[len(name)-1:] + ".0/16"}})
		hosttest.WithNetwork(now)(h)
	}
}

func TestOverlay(t *testing.T) {
	c, n := small(4)
	goLive(n, "worker-1", "worker-2", "worker-3")
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range preflight.Tallies(r.Edges) {
		got = append(got, s.String())
	}
	want := []string{"all 12 pairs 10250/tcp ok", "all 12 pairs 8285/udp ok", "all 3 pairs 6443/tcp ok", "all 6 pairs overlay ok"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPathMTU(t *testing.T) {
	tests := []struct {
		name string
		over int
		want preflight.PathMTU
		do   string
	}{
		{"as flannel takes it", 0, preflight.PathMTU{Path: 1500, Overhead: 50, Overlay: 1450, Flannel: 1450}, ""},
		{"smaller", 1450, preflight.PathMTU{Path: 1450, Overhead: 50, Overlay: 1400, Flannel: 1450},
			"Let packets of 1500 bytes pass between the hosts. Or set the MTU of their interfaces to 1450: the pods' is then 1400."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, n := small(3)
			c.Overhead = 50
			if tt.over > 0 {
				n.Net.Add(hosttest.Rule{From: "worker-1", Over: tt.over})
			}
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(&tt.want, r.MTU); d != "" {
				t.Error(d)
			}
			do := ""
			for _, f := range r.Hosts {
				do = f.Do
			}
			if do != tt.do {
				t.Errorf("got %q, want %q", do, tt.do)
			}
		})
	}
}

// dialledOnce fails the test unless every edge was dialled exactly once, and
// nothing else was dialled.
func dialledOnce(t testing.TB, c reach.Connectivity, cluster *hosttest.Cluster) {
	t.Helper()
	dials := cluster.Net.Dials()
	for _, e := range c.Edges {
		if got := dials[hosttest.Pair{From: e.From, To: e.To, Proto: e.Proto, Port: e.Port}]; got != 1 {
			t.Fatalf("%s: got %d dials, want 1", e, got)
		}
	}
	if len(dials) != len(c.Edges) {
		t.Errorf("got %d pairs, want %d", len(dials), len(c.Edges))
	}
}

func TestEveryPairOnce(t *testing.T) {
	for _, n := range []int{3, 40, 250} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c, cluster := small(n)
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := bad(r); got != "" {
				t.Errorf("findings: %s", got)
			}
			dialledOnce(t, c, cluster)
			pairs := n * (n - 1)
			want := []string{fmt.Sprintf("all %d pairs 6443/tcp ok", n-1), fmt.Sprintf("all %d pairs 10250/tcp ok", pairs), fmt.Sprintf("all %d pairs 8285/udp ok", pairs)}
			var got []string
			for _, port := range []string{"6443/tcp", "10250/tcp", "8285/udp"} {
				for _, s := range preflight.Tallies(r.Edges) {
					if s.Port == port {
						got = append(got, s.String())
					}
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// An answer that travels slowly does not make a clock seem wrong. The time
// that the host itself takes does not count as travel.
func TestSlowAnswerIsNoSkew(t *testing.T) {
	for _, tt := range []struct {
		name       string
		skew, took time.Duration
		want       string
	}{
		{"slow way", 0, 0, ""},
		{"ahead, slow way", 5 * time.Second, 0, "PF020 error the clock of worker-1 is 4.9s ahead of the others'\n"},
		{"behind, slow way", -40 * time.Millisecond, 0, ""},
		{"behind, slow host", -40 * time.Millisecond, 80 * time.Millisecond, "PF020 error the clock of worker-1 is 100ms behind the others'\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := small(3)
				c.ClockSkew = 50 * time.Millisecond
				h := c.Hosts["worker-1"].(*hosttest.Host)
				hosttest.WithSkew(tt.skew)(h)
				c.Hosts["worker-1"] = slowAnswer{h, tt.took}
				r, err := c.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(tt.want, bad(r)); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

// slowAnswer is a host whose dials take 80 ms, of which a part is the host's
// own time.
type slowAnswer struct {
	*hosttest.Host
	took time.Duration
}

func (s slowAnswer) ProbeDial(ctx context.Context, r host.DialRequest) ([]host.Dialled, error) {
	got, err := s.Host.ProbeDial(ctx, r)
	time.Sleep(80 * time.Millisecond)
	got[len(got)-1].Took += s.took
	return got, err
}

func TestAbsent(t *testing.T) {
	c, _ := small(3)
	delete(c.Hosts, "worker-2")
	c.Absent = map[string]string{"worker-2": "unreachable"}
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]preflight.Absent{{Host: "worker-2", Why: "unreachable", Edges: 9}}, r.Absent); d != "" {
		t.Error(d)
	}
	for _, e := range r.Edges {
		want := preflight.OK
		if e.From == "worker-2" || e.To == "worker-2" {
			want = preflight.NotProbed
		}
		if e.Verdict != want {
			t.Errorf("got %s, want %s", e, want)
		}
	}
}
