package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/lab"
)

// oneByOne returns the time to try all edges one after the other. Each is tried
// by socat (the hosts have no nc) in an ssh session of its own; the listeners
// run already. Only the first b.serial edges are measured, and the rest is
// extrapolated.
func (b *bencher) oneByOne(ctx context.Context, edges []edge) (time.Duration, error) {
	some := edges[:min(len(edges), b.serial)]
	stop, err := b.listen(ctx, some)
	defer stop()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	for _, e := range some {
		if err := b.try(ctx, e); err != nil {
			return 0, err
		}
	}
	return time.Since(begin) * time.Duration(len(edges)) / time.Duration(len(some)), nil
}

func (b *bencher) try(ctx context.Context, e edge) error {
	to, err := b.Host(e.To)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("echo probe | socat -t1 -T1 - %s:%s:%d", strings.ToUpper(e.Proto), to.Address, e.Port)
	out, err := b.ssh(ctx, e.From, line)
	if err == nil && strings.TrimSpace(out) != "probe" {
		err = fmt.Errorf("got %q", out)
	}
	if err != nil {
		return fmt.Errorf("%s -> %s %d/%s: %w", e.From, e.To, e.Port, e.Proto, err)
	}
	return nil
}

// listen starts listeners on all hosts; stop ends them.
func (b *bencher) listen(ctx context.Context, edges []edge) (stop func(), err error) {
	lines := map[string][]string{}
	seen := map[string]bool{}
	for _, e := range edges {
		address := fmt.Sprintf("TCP-LISTEN:%d,fork,reuseaddr", e.Port)
		if e.Proto == "udp" {
			address = fmt.Sprintf("UDP-RECVFROM:%d,fork", e.Port)
		}
		if key := e.To + address; !seen[key] {
			seen[key] = true
			lines[e.To] = append(lines[e.To], fmt.Sprintf("systemd-run --quiet --collect --unit=bench-%d socat %s EXEC:cat", e.Port, address))
		}
	}
	stop = func() {
		for name := range lines {
			_, _ = b.ssh(context.WithoutCancel(ctx), name, "systemctl stop 'bench-*'")
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for name, list := range lines {
		g.Go(func() error {
			_, err := b.ssh(ctx, name, strings.Join(list, "; "))
			return err
		})
	}
	return stop, g.Wait()
}

// ssh runs a command line on a host with OpenSSH, as root.
func (b *bencher) ssh(ctx context.Context, name, line string) (string, error) {
	h, err := b.Host(name)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "ssh", "-F", "none", "-i", filepath.Join(b.Root, lab.KeyFile),
		"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "StrictHostKeyChecking=yes",
		"-o", "UserKnownHostsFile="+filepath.Join(b.Root, lab.KnownHostsFile),
		"-p", strconv.Itoa(h.SSHPort), "root@"+h.SSHAddress, line).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ssh %s: %w: %s", name, err, out)
	}
	return string(out), nil
}
