package oshost

import (
	"net"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host"
)

// The kernel's answers are the same as in /proc.
func TestDiagIsProc(t *testing.T) {
	l, err := net.Listen("tcp", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	u, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	ours := []int{l.Addr().(*net.TCPAddr).Port, u.LocalAddr().(*net.UDPAddr).Port}
	pick := func(list []socket, err error) []socket {
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(list, func(s socket) bool { return !slices.Contains(ours, s.Port) })
	}
	want, got := pick(procSockets()), pick(diagSockets())
	if d := cmp.Diff(want, got, cmp.AllowUnexported(socket{})); d != "" || len(got) != 2 {
		t.Errorf("/proc - diag +:\n%s", d)
	}
	held, err := new(Host).holding(t.Context(), []host.PortSpec{{Proto: "tcp", Port: ours[0]}, {Proto: "udp", Port: ours[1]}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range held {
		if s.PID != os.Getpid() {
			t.Errorf("got %+v, want pid %d", s, os.Getpid())
		}
	}
}

func BenchmarkHolding(b *testing.B) {
	for b.Loop() {
		if _, err := new(Host).holding(b.Context(), []host.PortSpec{{Proto: "tcp", Port: 22, Unit: "ssh.service"}}); err != nil {
			b.Fatal(err)
		}
	}
}
