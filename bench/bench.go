// Package bench measures pmkctl on hosts of the lab, and compares it with
// programs that should not be faster.
package bench

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/lab"
	"github.com/pmkctl/pmkctl/lab/check"
)

// Median returns the median of some times. For an even number it is the longer
// of the two in the middle.
func Median(times []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(times))[len(times)/2]
}

// NothingToChange measures, in turns, a plan without changes and `ssh HOST
// true` on all hosts at once. Each measurement has its own processes and new
// connections, all as root.
func NothingToChange(ctx context.Context, l *lab.Lab, pmkctl string, runs int) (plans, logins []time.Duration, err error) {
	if err := l.AdmitRoot(ctx); err != nil {
		return nil, nil, err
	}
	spec, err := l.Spec(lab.AsRoot())
	if err != nil {
		return nil, nil, err
	}
	plan := func() error { return run(ctx, pmkctl, "plan", "-detailed-exitcode", "-quiet", spec) }
	login := func() error { return loginAll(ctx, l) }
	// The inventory holds the SSH logins, so a change of them is applied first.
	if err := run(ctx, pmkctl, "apply", "-auto-approve", "-quiet", spec); err != nil {
		return nil, nil, err
	}
	for range runs {
		for _, m := range []struct {
			do   func() error
			took *[]time.Duration
		}{{plan, &plans}, {login, &logins}} {
			began := time.Now()
			if err := m.do(); err != nil {
				return nil, nil, err
			}
			*m.took = append(*m.took, time.Since(began))
		}
	}
	return plans, logins, nil
}

// loginAll runs true on all hosts at once, with OpenSSH.
func loginAll(ctx context.Context, l *lab.Lab) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, h := range l.Hosts() {
		g.Go(func() error {
			return run(ctx, "ssh", "-F", "none", "-i", filepath.Join(l.Root, lab.KeyFile),
				"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "StrictHostKeyChecking=yes",
				"-o", "UserKnownHostsFile="+filepath.Join(l.Root, lab.KnownHostsFile),
				"-p", strconv.Itoa(h.SSHPort), "root@"+h.SSHAddress, "true")
		})
	}
	return g.Wait()
}

// A First is the time that the first apply on bare hosts took.
type First struct {
	Ready time.Duration // to the last Ready node; Kubernetes gives full seconds
	Apply time.Duration // to the end of the command
}

// BareToReady measures an apply on bare hosts.
func BareToReady(ctx context.Context, l *lab.Lab, pmkctl string) (First, error) {
	spec := filepath.Join(l.Root, filepath.Dir(lab.HostsFile))
	began := time.Now()
	if err := run(ctx, pmkctl, "apply", "-auto-approve", "-quiet", spec); err != nil {
		return First{}, err
	}
	f := First{Apply: time.Since(began)}
	k := check.Kubectl{Program: filepath.Join(l.Root, lab.KubectlFile), Kubeconfig: filepath.Join(l.Root, lab.KubeconfigFile)}
	if err := run(ctx, pmkctl, "kubeconfig", "-quiet", "-out="+k.Kubeconfig, spec); err != nil {
		return First{}, err
	}
	ready, err := k.ReadySince(ctx, len(l.Hosts()))
	f.Ready = ready.Sub(began)
	return f, err
}

func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(name), args[0], err, bytes.Join(lines[max(0, len(lines)-10):], []byte("\n")))
	}
	return nil
}
