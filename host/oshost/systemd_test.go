package oshost

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// Unread is true for a unit that changed on disk, and not because another one
// was enabled.
func TestRealSystemdUnread(t *testing.T) {
	if os.Getenv("PMKCTL_TEST_SYSTEMD") == "" {
		t.Skip("changes this machine's systemd: needs PMKCTL_TEST_SYSTEMD=1")
	}
	if !booted() || os.Geteuid() != 0 {
		t.Skip("needs systemd as process 1, and root")
	}
	h, _ := here(t)
	const ours, other = "pmkctl-test-ours.service", "pmkctl-test-other.service"
	do := func(unit string, do host.UnitAction) {
		t.Helper()
		if err := h.Unit(context.Background(), unit, do); err != nil {
			t.Errorf("%s %s: %v", do, unit, err)
		}
	}
	write := func(unit, comment string) {
		t.Helper()
		text := "# " + comment + "\n[Service]\nExecStart=/bin/sleep infinity\n\n[Install]\nWantedBy=multi-user.target\n"
		if err := h.WriteFile(t.Context(), host.FileSpec{Path: "/etc/systemd/system/" + unit, Mode: 0o644, Content: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(unit string) {
		t.Helper()
		if err := h.Remove(context.Background(), "/etc/systemd/system/"+unit); err != nil {
			t.Error(err)
		}
	}
	unread := func(when string, want bool) {
		t.Helper()
		units, err := h.Units(t.Context(), []string{ours})
		if err != nil {
			t.Fatal(err)
		}
		if units[0].Unread != want {
			t.Errorf("%s: got %+v, want Unread %t", when, units[0], want)
		}
	}
	t.Cleanup(func() {
		do(ours, host.Stop)
		do(other, host.Disable)
		remove(other)
		do("", host.Reload)
	})
	write(ours, "first")
	write(other, "")
	do("", host.Reload)
	do(ours, host.Start)
	unread("started", false)
	do(other, host.Enable)
	unread("another one was enabled", false)
	do("", host.Reload)
	unread("reloaded", false)
	write(ours, "second")
	unread("written", true)
	do("", host.Reload)
	unread("written and reloaded", false)
	do(other, host.Disable)
	remove(ours)
	unread("removed, and another one was disabled", true)
}

func TestStartedWith(t *testing.T) {
	start := func(env ...string) *exec.Cmd {
		t.Helper()
		cmd := exec.Command("sleep", "infinity")
		cmd.Env = append(env, "B=2")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The kernel shows no environment until the program is loaded.
		for deadline := time.Now().Add(10 * time.Second); startedWith(cmd.Process.Pid) == nil; {
			if time.Now().After(deadline) {
				t.Fatal("the process has no environment")
			}
			time.Sleep(time.Millisecond)
		}
		return cmd
	}
	with, without := start("A=1", host.InputsVar+"=ab", host.InputsVar+"X=3"), start("A=1")
	if got := startedWith(with.Process.Pid); got == nil || *got != "ab" {
		t.Errorf("with the variable: got %v", got)
	}
	if got := startedWith(without.Process.Pid); got == nil || *got != "" {
		t.Errorf("without it: got %v", got)
	}
	for _, cmd := range []*exec.Cmd{with, without} {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if got := startedWith(with.Process.Pid); got != nil {
		t.Errorf("of a process that ended: got %q", *got)
	}
	if got := startedWith(0); got != nil {
		t.Errorf("of no process: got %q", *got)
	}
}
