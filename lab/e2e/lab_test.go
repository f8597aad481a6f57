//go:build e2e

package e2e

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/lab"
)

func answers(h lab.Host) bool {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(h.SSHAddress, strconv.Itoa(h.SSHPort)), time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	return true
}

func TestHostsAreUnlike(t *testing.T) {
	seen := make(map[string]string)
	for _, h := range up(t, 3).Hosts() {
		for _, file := range []string{"/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub", "/etc/hostname"} {
			content, err := h.Exec(t.Context(), "cat", file)
			if err != nil {
				t.Fatal(err)
			}
			if other, ok := seen[content]; ok {
				t.Errorf("%s: %s is the same as on %s", h.Name, file, other)
			}
			seen[content] = h.Name
		}
	}
}

func TestHostsKeepTheirFiles(t *testing.T) {
	h, err := up(t, 3).Host("worker-2")
	if err != nil {
		t.Fatal(err)
	}
	on(t, h, "touch", "/var/lib/kept", "/etc/kept")
	for _, restart := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"restart", h.Restart},
		{"power cut", func(ctx context.Context) error {
			if err := h.Kill(ctx); err != nil {
				return err
			}
			return h.Start(ctx)
		}},
		{"reboot", func(ctx context.Context) error { return reboot(ctx, h) }},
	} {
		if err := restart.do(t.Context()); err != nil {
			t.Fatalf("%s: %v", restart.name, err)
		}
		on(t, h, "ls", "/var/lib/kept", "/etc/kept")
	}
	on(t, h, "rm", "/var/lib/kept", "/etc/kept")
}

// reboot runs reboot on the host, and waits until it has booted.
func reboot(ctx context.Context, h lab.Host) error {
	before, err := h.Exec(ctx, "stat", "--format=%z", "/run/systemd/private")
	if err != nil {
		return err
	}
	// The connection may end before the command returns.
	_, _ = h.Exec(ctx, "reboot")
	return lab.WaitFor(ctx, time.Minute, h.Name+" is back", func(ctx context.Context) error {
		after, err := h.Exec(ctx, "stat", "--format=%z", "/run/systemd/private")
		if err == nil && after == before {
			return errors.New("it has not gone down yet")
		}
		return err
	})
}

func TestCutAndJoin(t *testing.T) {
	l := up(t, 3)
	h, err := l.Host("worker-1")
	if err != nil {
		t.Fatal(err)
	}
	cp, err := l.Host("cp-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Cut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answers(h) {
		t.Error("sshd answers on a host that is cut off")
	}
	if _, err := cp.Exec(t.Context(), "ping", "-c1", "-W1", h.Address); err == nil {
		t.Error("another host reaches a host that is cut off")
	}
	if err := h.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	on(t, cp, "ping", "-c1", "-W5", h.Address)
}

// The machine's own settings are covered by files, so that settings of a
// kubelet do not reach the machine.
func TestMachineSettingsAreHidden(t *testing.T) {
	before, err := os.ReadFile("/proc/sys/kernel/panic")
	if err != nil {
		t.Fatal(err)
	}
	h := up(t, 3).Hosts()[0]
	on(t, h, "sysctl", "-w", "kernel.panic=10")
	if out := on(t, h, "sysctl", "-n", "kernel.panic"); strings.TrimSpace(out) != "10" {
		t.Errorf("the host says %q, want 10", out)
	}
	after, err := os.ReadFile("/proc/sys/kernel/panic")
	if err != nil || string(after) != string(before) {
		t.Errorf("the machine says %q, %v, want %q as before", after, err, before)
	}
}
