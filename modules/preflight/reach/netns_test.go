package reach_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/oshost"
	"github.com/pmkctl/pmkctl/host/oshost/probe"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/modules/preflight/reach"
)

// Real probers need real networks: each host is a network namespace of this
// machine with a child process of this test in it. One bridge, which is in a
// namespace too, connects them, so the machine's own network is not touched.

// A network is hosts cp-1, worker-1, ... at 10.77.0.1, 10.77.0.2, ...
type network struct {
	prefix string
	hosts  []*nsHost
}

const childEnv = "PMKCTL_TEST_CHILD"

func TestMain(m *testing.M) {
	switch role, arg, _ := strings.Cut(os.Getenv(childEnv), " "); role {
	case "prober":
		serveProber()
	case "holder":
		holdPort(arg)
	case "burner":
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		}
	default:
		os.Exit(m.Run())
	}
}

func newNetwork(t testing.TB, n int) *network {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it makes network namespaces")
	}
	for _, program := range []string{"ip", "iptables"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("needs the program %s (Debian: apt-get install iproute2 iptables): %v", program, err)
		}
	}
	removeStale(t)
	w := &network{prefix: fmt.Sprintf("pmkt%d-", os.Getpid())}
	t.Cleanup(w.remove)
	w.ip(t, "", "netns add "+w.prefix+"sw")
	w.ip(t, w.prefix+"sw", "link add br0 type bridge", "link set br0 up")
	for i := range n {
		h := &nsHost{name: "cp-1", ns: fmt.Sprint(w.prefix, i), addr: fmt.Sprintf("10.77.0.%d", i+1)}
		if i > 0 {
			h.name = fmt.Sprintf("worker-%d", i)
		}
		w.hosts = append(w.hosts, h)
		w.ip(t, "", "netns add "+h.ns)
		w.ip(t, h.ns, fmt.Sprintf("link add eth0 type veth peer name p%d netns %ssw", i, w.prefix), "addr add "+h.addr+"/24 dev eth0",
			fmt.Sprintf("addr add fd77::%x/64 dev eth0 nodad", i+1), "link set eth0 up", "link set lo up")
		w.ip(t, w.prefix+"sw", fmt.Sprintf("link set p%d master br0", i), fmt.Sprintf("link set p%d up", i))
		h.start(t)
	}
	w.await(t)
	return w
}

// await waits until the kernel passes packets between all hosts: on a busy
// machine that is seconds after their links were set up, and requests for
// neighbours are lost until then.
func (w *network) await(t testing.TB) {
	t.Helper()
	w.shows(t, w.prefix+"sw", "state forwarding", len(w.hosts), "master", "br0")
	for _, h := range w.hosts {
		w.shows(t, h.ns, "state UP", 1, "dev", "eth0")
	}
}

// shows waits until ip shows a state of n links.
func (w *network) shows(t testing.TB, ns, state string, n int, links ...string) {
	t.Helper()
	args := append([]string{"-n", ns, "-details", "link", "show"}, links...)
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("ip %v: %v\n%s", args, err, out)
		}
		if strings.Count(string(out), state) == n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("ip %v: want %d times %q\n%s", args, n, state, out)
		}
	}
}

func (w *network) ip(t testing.TB, ns string, lines ...string) {
	t.Helper()
	args := []string{"-batch", "-"}
	if ns != "" {
		args = append([]string{"-n", ns}, args...)
	}
	cmd := exec.Command("ip", args...)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v\n%s", lines, err, out)
	}
}

func (w *network) remove() {
	for _, h := range w.hosts {
		h.stop()
		_ = exec.Command("ip", "netns", "del", h.ns).Run()
	}
	_ = exec.Command("ip", "netns", "del", w.prefix+"sw").Run()
}

// removeStale removes the namespaces of tests that were killed.
func removeStale(t testing.TB) {
	entries, err := os.ReadDir("/run/netns")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), "pmkt")
		pid, _, ok2 := strings.Cut(rest, "-")
		n, err := strconv.Atoi(pid)
		if ok && ok2 && err == nil && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			_ = exec.Command("ip", "netns", "del", e.Name()).Run()
		}
	}
}

// filter adds a rule in a host, and removes it when the test ends.
func (w *network) filter(t *testing.T, hostName, rule string) {
	t.Helper()
	h := w.host(hostName)
	args := append([]string{"netns", "exec", h.ns, "iptables", "-A"}, strings.Fields(rule)...)
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("iptables -A %s: %v\n%s", rule, err, out)
	}
	t.Cleanup(func() {
		for _, table := range []string{"filter", "nat"} {
			_ = exec.Command("ip", "netns", "exec", h.ns, "iptables", "-t", table, "-F").Run()
		}
	})
}

func (w *network) host(name string) *nsHost {
	for _, h := range w.hosts {
		if h.name == name {
			return h
		}
	}
	panic("no host " + name)
}

// hold makes a process of the host hold a port.
func (w *network) hold(t *testing.T, hostName, proto string, port int) (pid int) {
	t.Helper()
	h := w.host(hostName)
	cmd := exec.Command("ip", "netns", "exec", h.ns, os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=holder %s %d", childEnv, proto, port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("hold %s %d: %q %v", proto, port, line, err)
	}
	return cmd.Process.Pid
}

func holdPort(arg string) {
	proto, port, _ := strings.Cut(arg, " ")
	var err error
	if proto == "tcp" {
		_, err = net.Listen("tcp", ":"+port)
	} else {
		_, err = net.ListenPacket("udp", ":"+port)
	}
	fmt.Println(err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	select {}
}

// An nsHost is a host whose prober runs in a namespace.
type nsHost struct {
	host.Host // only the methods below are called
	name      string
	ns        string
	addr      string

	mu  sync.Mutex
	cmd *exec.Cmd
	enc *json.Encoder
	dec *json.Decoder
	in  io.Closer
}

type childCall struct {
	Listen *host.ListenRequest
	Dial   *host.DialRequest
	Seen   *host.SeenRequest
	End    string

	Network bool
}

type childAnswer struct {
	Binds    []host.Bind
	Dialled  []host.Dialled
	Arrivals []host.Arrival
	Network  host.Network
	Err      string
	Took     time.Duration
}

func (h *nsHost) start(t testing.TB) {
	h.cmd = exec.Command("ip", "netns", "exec", h.ns, os.Args[0])
	h.cmd.Env = append(os.Environ(), childEnv+"=prober")
	h.cmd.Stderr = os.Stderr
	in, err := h.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.in, h.enc, h.dec = in, json.NewEncoder(in), json.NewDecoder(out)
}

func (h *nsHost) stop() {
	if h.cmd != nil {
		h.in.Close()
		_ = h.cmd.Wait()
	}
}

func (h *nsHost) call(ctx context.Context, c childCall) (childAnswer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var a childAnswer
	if err := errors.Join(ctx.Err(), h.enc.Encode(c)); err != nil {
		return a, err
	}
	if err := h.dec.Decode(&a); err != nil {
		return a, err
	}
	if a.Err != "" {
		return a, errors.New(a.Err)
	}
	return a, nil
}

func (h *nsHost) Facts(context.Context) (host.Facts, error) {
	return host.Facts{Hostname: h.name, MachineID: h.name}, nil
}

func (h *nsHost) Network(ctx context.Context) (host.Network, error) {
	a, err := h.call(ctx, childCall{Network: true})
	return a.Network, err
}

func (h *nsHost) ProbeListen(ctx context.Context, r host.ListenRequest) ([]host.Bind, error) {
	a, err := h.call(ctx, childCall{Listen: &r})
	return a.Binds, err
}

func (h *nsHost) ProbeDial(ctx context.Context, r host.DialRequest) ([]host.Dialled, error) {
	a, err := h.call(ctx, childCall{Dial: &r})
	return a.Dialled, err
}

func (h *nsHost) ProbeSeen(ctx context.Context, r host.SeenRequest) ([]host.Arrival, error) {
	a, err := h.call(ctx, childCall{Seen: &r})
	return a.Arrivals, err
}

func (h *nsHost) ProbeEnd(ctx context.Context, id string) ([]host.Arrival, error) {
	a, err := h.call(ctx, childCall{End: id})
	return a.Arrivals, err
}

// serveProber is the child process.
func serveProber() {
	// Many rounds in a row need more ICMP errors than a host sends.
	_ = os.WriteFile("/proc/sys/net/ipv4/icmp_ratelimit", []byte("0"), 0o644)
	h := oshost.New(oshost.Options{})
	p := probe.Prober{Sockets: func(ctx context.Context, _ []host.PortSpec) ([]host.Socket, error) { return h.Sockets(ctx) }}
	defer p.Close()
	dec, enc, ctx := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout), context.Background()
	for {
		var c childCall
		if dec.Decode(&c) != nil {
			return
		}
		var a childAnswer
		var err error
		switch {
		case c.Listen != nil:
			a.Binds, err = p.ProbeListen(ctx, *c.Listen)
		case c.Seen != nil:
			a.Arrivals, err = p.ProbeSeen(ctx, *c.Seen)
		case c.Network:
			a.Network, err = h.Network(ctx)
		case c.Dial != nil:
			a.Dialled, err = p.ProbeDial(ctx, *c.Dial)
		default:
			a.Arrivals, err = p.ProbeEnd(ctx, c.End)
		}
		if err != nil {
			a.Err = err.Error()
		}
		if enc.Encode(a) != nil {
			return
		}
	}
}

// vxlan returns the probe with vxlan instead of flannel's udp backend.
func (w *network) vxlan() reach.Connectivity {
	c := w.connectivity()
	c.Overhead = 50
	for _, ports := range c.Ports {
		ports[1].Port, ports[1].Kernel = 8472, true
	}
	for i, e := range c.Edges {
		if e.Proto == "udp" {
			c.Edges[i].Port, c.Edges[i].Shape = 8472, "vxlan"
		}
	}
	return c
}

// live makes the kernel hold the port of vxlan on hosts, for a pod network
// between them.
func (w *network) live(t *testing.T, names ...string) {
	for i, h := range w.hosts {
		if !slices.Contains(names, h.name) {
			continue
		}
		w.ip(t, h.ns, "link add flannel.1 type vxlan id 1 dstport 8472 dev eth0 local "+h.addr+" nolearning",
			fmt.Sprintf("addr add 10.244.%d.0/16 dev flannel.1", i), "link set flannel.1 up")
		t.Cleanup(func() { w.ip(t, h.ns, "link del flannel.1") })
		for _, peer := range w.hosts {
			if peer != h && slices.Contains(names, peer.name) {
				w.bridge(t, h.ns, "append 00:00:00:00:00:00 dev flannel.1 dst "+peer.addr)
			}
		}
	}
}

// hostGW returns the probe with a pod network that consists of routes.
func (w *network) hostGW() reach.Connectivity {
	c := w.connectivity()
	c.Overhead, c.Routed = 0, true
	for name, ports := range c.Ports {
		c.Ports[name] = slices.Delete(ports, 1, 2)
	}
	for i, e := range c.Edges {
		if e.Proto == "udp" {
			c.Edges[i].Proto, c.Edges[i].Port, c.Edges[i].Shape = "icmp", 0, ""
		}
	}
	return c
}

// route adds a bridge for pods to hosts, and routes to it on the other hosts.
func (w *network) route(t *testing.T, names ...string) {
	for i, h := range w.hosts {
		if !slices.Contains(names, h.name) {
			continue
		}
		lines := []string{"link add cni0 type bridge", fmt.Sprintf("addr add 10.244.%d.1/24 dev cni0", i), "link set cni0 up"}
		for j, peer := range w.hosts {
			if peer != h && slices.Contains(names, peer.name) {
				lines = append(lines, fmt.Sprintf("route add 10.244.%d.0/24 via %s", j, peer.addr))
			}
		}
		w.ip(t, h.ns, lines...)
		t.Cleanup(func() { w.ip(t, h.ns, "link del cni0", "route flush proto boot root 10.244.0.0/16") })
	}
}

func (w *network) bridge(t *testing.T, ns, line string) {
	t.Helper()
	args := append([]string{"-n", ns, "fdb"}, strings.Fields(line)...)
	if out, err := exec.Command("bridge", args...).CombinedOutput(); err != nil {
		t.Fatalf("bridge fdb %s: %v\n%s", line, err, out)
	}
}

// connectivity returns the probe for a cluster on the network.
func (w *network) connectivity() reach.Connectivity {
	c := reach.Connectivity{Hosts: map[string]host.Host{}, Addresses: map[string]string{}, Ports: map[string][]preflight.Port{}, Overhead: 28}
	for i, h := range w.hosts {
		c.Hosts[h.name], c.Addresses[h.name] = h, h.addr
		c.Ports[h.name] = []preflight.Port{{Proto: "tcp", Port: 10250, Unit: "kubelet.service"},
			{Proto: "udp", Addr: h.addr, Port: 8285, Unit: "flanneld.service"}}
		if i == 0 {
			c.Ports[h.name] = append(c.Ports[h.name], preflight.Port{Proto: "tcp", Port: 6443}, preflight.Port{Proto: "tcp", Addr: h.addr, Port: 2379})
		}
		for _, to := range w.hosts {
			if to == h {
				continue
			}
			if to == w.hosts[0] {
				c.Edges = append(c.Edges, preflight.Edge{From: h.name, To: to.name, Proto: "tcp", Port: 6443})
			}
			c.Edges = append(c.Edges, preflight.Edge{From: h.name, To: to.name, Proto: "tcp", Port: 10250},
				preflight.Edge{From: h.name, To: to.name, Proto: "udp", Port: 8285, Shape: "flannel-udp"})
		}
	}
	return c
}
