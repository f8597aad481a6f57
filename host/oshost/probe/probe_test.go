package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host"
)

// Tests that need a network between hosts are in modules/preflight, in network
// namespaces. The tests here need one machine only.

// freePort is a port that was free a moment ago.
func freePort(t *testing.T, proto, addr string) int {
	t.Helper()
	var a net.Addr
	if proto == "tcp" {
		l, err := net.Listen("tcp", net.JoinHostPort(addr, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		a = l.Addr()
	} else {
		c, err := net.ListenPacket("udp", net.JoinHostPort(addr, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		a = c.LocalAddr()
	}
	_, p, _ := net.SplitHostPort(a.String())
	n, _ := strconv.Atoi(p)
	return n
}

func outcomes(ds []host.Dialled) []host.DialOutcome {
	var out []host.DialOutcome
	for _, d := range ds {
		out = append(out, d.Outcome)
	}
	return out
}

func TestRound(t *testing.T) {
	for _, tt := range []struct{ name, bind, dial string }{
		{"IPv4", "127.0.0.1", "127.0.0.1"},
		{"IPv6", "::1", "::1"},
		{"every address, IPv4", "", "127.0.0.2"},
		{"every address, IPv6", "", "::1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := t.Context()
			var p Prober
			defer p.Close()
			tcp, udp, none := freePort(t, "tcp", tt.bind), freePort(t, "udp", tt.bind), freePort(t, "tcp", tt.bind)
			binds, err := p.ProbeListen(ctx, host.ListenRequest{ID: "one", Host: "a", Ports: []host.PortSpec{
				{Proto: "tcp", Addr: tt.bind, Port: tcp}, {Proto: "udp", Addr: tt.bind, Port: udp}}})
			if err != nil || !binds[0].OK || !binds[1].OK {
				t.Fatalf("got %+v, %v", binds, err)
			}
			dial := func(proto string, port, nonce int) host.Dial {
				return host.Dial{Proto: proto, Addr: tt.dial, Port: port, Host: "a", Nonce: fmt.Sprintf("%016x", nonce)}
			}
			dials := []host.Dial{dial("tcp", tcp, 1), dial("udp", udp, 2), dial("tcp", none, 3), dial("udp", none, 4), dial("tcp", tcp, 5), dial("udp", udp, 6),
				dial("udp", udp, 7), {Self: true, Nonce: "ff"}}
			dials[4].Host, dials[5].Host, dials[6].Count = "b", "b", 5
			got, err := p.ProbeDial(ctx, host.DialRequest{ID: "one", Dials: dials})
			if err != nil {
				t.Fatal(err)
			}
			want := []host.DialOutcome{host.OK, host.OK, host.Refused, host.Refused, host.WrongHost, host.WrongHost, host.OK, host.OK}
			if d := cmp.Diff(want, outcomes(got)); d != "" {
				t.Errorf("outcomes: %s\n%+v", d, got)
			}
			if got[6].Sent != 5 || got[6].Got != 5 {
				t.Errorf("got %d of %d echoes, want 5 of 5", got[6].Got, got[6].Sent)
			}
			if got[7].Now.IsZero() || got[7].RTT <= 0 {
				t.Errorf("the dial to oneself has no clock: %+v", got[7])
			}
			came, err := p.ProbeEnd(ctx, "one")
			if err != nil {
				t.Fatal(err)
			}
			nonces := map[string]int{}
			for _, a := range came {
				nonces[a.Nonce] = a.Count
			}
			if d := cmp.Diff(map[string]int{"0000000000000001": 1, "0000000000000002": 1, "0000000000000005": 1, "0000000000000006": 1, "0000000000000007": 5}, nonces); d != "" {
				t.Errorf("arrivals: %s", d)
			}
			again, err := p.ProbeEnd(ctx, "one")
			if err != nil || again != nil {
				t.Errorf("a second end: got %v, %v", again, err)
			}
			for _, proto := range []string{"tcp", "udp"} { // the ports are released
				binds, err := p.ProbeListen(ctx, host.ListenRequest{ID: "two", Ports: []host.PortSpec{{Proto: proto, Addr: tt.bind, Port: map[string]int{"tcp": tcp, "udp": udp}[proto]}}})
				if err != nil || !binds[0].OK {
					t.Errorf("after the end %s: got %+v, %v", proto, binds, err)
				}
			}
		})
	}
}

func TestAnotherRoundGetsNoEcho(t *testing.T) {
	var a, b Prober
	defer a.Close()
	defer b.Close()
	tcp, udp := freePort(t, "tcp", "127.0.0.1"), freePort(t, "udp", "127.0.0.1")
	if _, err := a.ProbeListen(t.Context(), host.ListenRequest{ID: "one", Host: "a", Ports: []host.PortSpec{
		{Proto: "tcp", Addr: "127.0.0.1", Port: tcp}, {Proto: "udp", Addr: "127.0.0.1", Port: udp}}}); err != nil {
		t.Fatal(err)
	}
	got, err := b.ProbeDial(t.Context(), host.DialRequest{ID: "two", Wait: 150 * time.Millisecond, Dials: []host.Dial{
		{Proto: "tcp", Addr: "127.0.0.1", Port: tcp, Nonce: "1"}, {Proto: "udp", Addr: "127.0.0.1", Port: udp, Nonce: "2"},
		{Proto: "tcp", Addr: "127.0.0.1", Port: tcp, Nonce: "3", Service: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]host.DialOutcome{host.Silent, host.Filtered, host.OK}, outcomes(got)); d != "" {
		t.Error(d)
	}
	if came, _ := a.ProbeEnd(t.Context(), "one"); len(came) != 0 {
		t.Errorf("got arrivals %v", came)
	}
}

func TestHeld(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	self := host.Socket{Proto: "tcp", Addr: "127.0.0.1", Port: port, PID: os.Getpid(), Process: "probe.test"}
	p := Prober{Sockets: func(context.Context, []host.PortSpec) ([]host.Socket, error) {
		return []host.Socket{{Proto: "udp", Addr: "0.0.0.0", Port: port}, {Proto: "tcp", Addr: "127.0.0.9", Port: port}, self}, nil
	}}
	defer p.Close()
	binds, err := p.ProbeListen(t.Context(), host.ListenRequest{ID: "one", Ports: []host.PortSpec{
		{Proto: "tcp", Addr: "127.0.0.1", Port: port}, {Proto: "tcp", Addr: "192.0.2.1", Port: port}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []host.Bind{{PortSpec: host.PortSpec{Proto: "tcp", Addr: "127.0.0.1", Port: port}, Err: "address already in use", Holder: &self},
		{PortSpec: host.PortSpec{Proto: "tcp", Addr: "192.0.2.1", Port: port}, Err: "the address is not on this host"}}
	if d := cmp.Diff(want, binds); d != "" {
		t.Error(d)
	}
}

func TestPing(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: it opens raw sockets")
	}
	var p Prober
	defer p.Close()
	got, err := p.ProbeDial(t.Context(), host.DialRequest{ID: "one", Wait: 150 * time.Millisecond, Dials: []host.Dial{
		{Proto: "icmp", Addr: "127.0.0.1", Nonce: "1"}, {Proto: "icmp", Addr: "127.0.0.9", Nonce: "2"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range got {
		if d.Outcome != host.OK || d.Got != 1 || d.RTT <= 0 {
			t.Errorf("got %+v", d)
		}
	}
}

// A port is free although its last connection is in TIME_WAIT.
func TestTimeWait(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.Close() // first, so that the listener's side is in TIME_WAIT
	_, _ = c.Read(make([]byte, 1))
	c.Close()
	l.Close()
	var p Prober
	defer p.Close()
	binds, err := p.ProbeListen(t.Context(), host.ListenRequest{ID: "one", Ports: []host.PortSpec{{Proto: "tcp", Addr: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}}})
	if err != nil || !binds[0].OK {
		t.Errorf("got %+v, %v", binds, err)
	}
}

// On a datagram port that another socket holds, a raw socket sees frames of
// every shape and nothing else. The holder works on.
func TestRaw(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: it opens raw sockets")
	}
	for _, addr := range []string{"127.0.0.1", "::1"} {
		for _, shape := range []string{"", "wireguard", "flannel-udp", "vxlan"} {
			t.Run(addr+" "+shape, func(t *testing.T) {
				holder, err := net.ListenPacket("udp", net.JoinHostPort(addr, "0"))
				if err != nil {
					t.Fatal(err)
				}
				defer holder.Close()
				port := holder.LocalAddr().(*net.UDPAddr).Port
				var p Prober
				defer p.Close()
				binds, err := p.ProbeListen(t.Context(), host.ListenRequest{ID: "one", Host: "a", Ports: []host.PortSpec{{Proto: "udp", Addr: addr, Port: port}}})
				if err != nil || binds[0].OK || !binds[0].Raw {
					t.Fatalf("got %+v, %v", binds, err)
				}
				got, err := p.ProbeDial(t.Context(), host.DialRequest{ID: "one", Dials: []host.Dial{{Proto: "udp", Addr: addr, Port: port, Host: "a", Nonce: "1", Shape: shape, Count: 4}}})
				if err != nil || got[0].Outcome != host.OK || got[0].Got != got[0].Sent {
					t.Errorf("got %+v, %v", got, err)
				}
				buf := make([]byte, 2048)
				_ = holder.SetReadDeadline(time.Now().Add(5 * time.Second))
				if n, _, err := holder.ReadFrom(buf); err != nil || !strings.Contains(string(buf[:n]), magic) {
					t.Errorf("the holder got %q, %v", buf[:n], err)
				}
				if came, _ := p.ProbeEnd(t.Context(), "one"); len(came) != 1 || came[0].Count < 4 {
					t.Errorf("got arrivals %v", came)
				}
			})
		}
	}
}

func TestTooBig(t *testing.T) {
	var p Prober
	defer p.Close()
	port := freePort(t, "udp", "127.0.0.1")
	if _, err := p.ProbeListen(t.Context(), host.ListenRequest{ID: "one", Ports: []host.PortSpec{{Proto: "udp", Addr: "127.0.0.1", Port: port}}}); err != nil {
		t.Fatal(err)
	}
	got, err := p.ProbeDial(t.Context(), host.DialRequest{ID: "one", Dials: []host.Dial{
		{Proto: "udp", Addr: "127.0.0.1", Port: port, Nonce: "1", Size: 1500}, {Proto: "udp", Addr: "127.0.0.1", Port: port, Nonce: "2", Size: 65536 + 20}}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]host.DialOutcome{host.OK, host.TooBig}, outcomes(got)); d != "" {
		t.Errorf("%s\n%+v", d, got)
	}
}

func TestLock(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "pmkctl", "probe.lock")
	a, b := Prober{Lock: lock}, Prober{Lock: lock}
	defer a.Close()
	defer b.Close()
	ports := []host.PortSpec{{Proto: "tcp", Addr: "127.0.0.1", Port: freePort(t, "tcp", "127.0.0.1")}}
	listen := func(p *Prober, id string) host.Bind {
		binds, err := p.ProbeListen(t.Context(), host.ListenRequest{ID: id, Ports: ports})
		if err != nil {
			t.Fatal(err)
		}
		return binds[0]
	}
	if b1 := listen(&a, "one"); !b1.OK {
		t.Fatalf("got %+v", b1)
	}
	if b2 := listen(&b, "two"); !b2.Busy {
		t.Errorf("while another probes: got %+v", b2)
	}
	if _, err := a.ProbeEnd(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if b3 := listen(&b, "three"); !b3.OK {
		t.Errorf("after it: got %+v", b3)
	}
}

func TestFrame(t *testing.T) {
	a, b := newCipher("one"), newCipher("two")
	f := frame{kind: pong, seq: 7, nonce: 0x1234, name: "worker-1"}
	sealed := a.seal(f)
	if got, ok := a.open(append([]byte("before"), append(sealed, "after"...)...)); !ok || got != f {
		t.Errorf("got %+v, %v", got, ok)
	}
	if _, ok := b.open(sealed); ok {
		t.Error("another round opens it")
	}
	for i := range sealed {
		bad := append([]byte(nil), sealed...)
		bad[i] ^= 1
		if _, ok := a.open(bad); ok {
			t.Errorf("it opens with byte %d changed", i)
		}
		if _, ok := a.open(sealed[:i]); ok {
			t.Errorf("it opens cut to %d bytes", i)
		}
	}
	long := a.seal(frame{kind: pong, name: strings.Repeat("x", 300)})
	if got, ok := a.open(long); !ok || len(got.name) != maxName {
		t.Errorf("a long name: got %q, %v", got.name, ok)
	}
}

func FuzzOpen(f *testing.F) {
	c := newCipher("one")
	f.Add(c.seal(frame{kind: ping, nonce: 1}))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		c.open(b)
		c.nonceIn(b)
	})
}

func TestParseHalf(t *testing.T) {
	tests := []struct {
		name, line string
		want       half
		ok         bool
	}{
		{"header", "  sl  local_address rem_address   st tx_queue rx_queue", half{}, false},
		{"listening", "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000", half{}, false},
		{"IPv4", "   1: 0200A00A:192B 0300A00A:D2F0 03 00000000:00000000", half{from: netip.MustParseAddrPort("10.160.0.3:54000"), port: 6443}, true},
		{"mapped", "   1: 0000000000000000FFFF00000200A00A:192B 0000000000000000FFFF00000300A00A:D2F0 03 0", half{from: netip.MustParseAddrPort("10.160.0.3:54000"), port: 6443}, true},
		{"IPv6", "   1: 00000000000000000000000001000000:192B 000077FD000000000000000003000000:D2F0 03 0", half{from: netip.MustParseAddrPort("[fd77::3]:54000"), port: 6443}, true},
		{"short", "   1: 00:1 00:1 03", half{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseHalf(tt.line)
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("got %v %v, want %v %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

// A call ends with its context, and Close releases all rounds.
func TestCancel(t *testing.T) {
	var p Prober
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	begin := time.Now()
	// 192.0.2.0/24 is never assigned. If there is no route to it the dial
	// ends at once.
	_, err := p.ProbeDial(ctx, host.DialRequest{ID: "one", Wait: 20 * time.Second, Dials: []host.Dial{
		{Proto: "tcp", Addr: "192.0.2.1", Port: 9, Nonce: "1"}, {Proto: "udp", Addr: "192.0.2.1", Port: 9, Nonce: "2"}, {Self: true, Nonce: "3"}}})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
