package lab

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"
)

const (
	atOnce      = 8 // hosts that are made at the same time
	recipeLabel = label + ".recipe"
)

// An upper is one run of Up.
type upper struct {
	root     string
	out      io.Writer
	image    string
	options  []string // of docker create, the same for all hosts
	key      ssh.Signer
	password string
}

// Up brings the lab to n hosts, from 1 to MaxHosts, that have booted and accept
// SSH, and writes the files that describe how to reach them. It may be
// repeated, also after an interruption: correct hosts stay as they are, and
// surplus ones are removed. The base system is kept in the folder cache. Long
// steps are reported to out.
func Up(ctx context.Context, root, cache string, n int, out io.Writer) error {
	return up(ctx, root, cache, n, out, false)
}

// Renew is like Up, but recreates all hosts.
func Renew(ctx context.Context, root, cache string, n int, out io.Writer) error {
	return up(ctx, root, cache, n, out, true)
}

func up(ctx context.Context, root, cache string, n int, out io.Writer, anew bool) (err error) {
	if n < 1 || n > MaxHosts {
		return fmt.Errorf("start the lab: it has 1 to %d hosts, not %d", MaxHosts, n)
	}
	start := time.Now()
	lock, err := lockMachine(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := prepareMachine(ctx, n, out); err != nil {
		return err
	}
	if anew {
		have, err := containers(ctx)
		if err != nil {
			return err
		}
		if err := remove(ctx, have); err != nil {
			return err
		}
	}
	u := upper{root: root, out: out}
	if err := u.prepare(ctx, cache); err != nil {
		return err
	}
	hosts, err := u.place(ctx, n)
	if err != nil {
		return err
	}
	if err := u.make(ctx, hosts); err != nil {
		return err
	}
	fmt.Fprintf(out, "lab: %d hosts are up (%.1f s)\n", n, time.Since(start).Seconds())
	return nil
}

// prepareMachine starts an engine and raises limits if needed.
func prepareMachine(ctx context.Context, n int, out io.Writer) error {
	m, err := loadMachine()
	if err != nil {
		return err
	}
	if err := ensureEngine(ctx, m, out); err != nil {
		return err
	}
	return raiseLimits(m, n)
}

// prepare gets what all hosts have in common.
func (u *upper) prepare(ctx context.Context, cache string) (err error) {
	if u.key, err = ensureKey(u.root); err != nil {
		return err
	}
	if u.password, err = ensurePassword(u.root); err != nil {
		return err
	}
	if u.image, err = ensureImage(ctx, cache, u.out); err != nil {
		return err
	}
	u.options, err = hostOptions()
	return err
}

// hostOptions returns the options of docker create for every host. The restart
// policy makes reboot work.
func hostOptions() ([]string, error) {
	p, err := privileges()
	if err != nil {
		return nil, err
	}
	return append(p,
		"--network", network, "--cgroupns", "private",
		"--tmpfs", "/run", "--tmpfs", "/tmp:exec", "--volume", "/var",
		"--restart", "unless-stopped", "--stop-signal", "SIGRTMIN+3",
		"--env", "container=docker", "--label", label,
	), nil
}

// A container is Docker's description of one of the lab's containers.
type container struct {
	Name   string
	State  struct{ Running bool }
	Config struct{ Labels map[string]string }
	// The requested SSH port. NetworkSettings lacks it while a host is off or
	// cut.
	HostConfig struct {
		PortBindings map[string][]struct{ HostPort string }
	}
	NetworkSettings struct{ Networks map[string]any }
}

func (c container) sshPort() int {
	for _, b := range c.HostConfig.PortBindings["22/tcp"] {
		if port, err := strconv.Atoi(b.HostPort); err == nil {
			return port
		}
	}
	return 0
}

// containers returns the lab's containers by name, running or not. They are
// found by the label of the recipe, because the label of the image is on all
// containers of that image.
func containers(ctx context.Context) (map[string]container, error) {
	ids, err := docker(ctx, "ps", "--all", "--quiet", "--filter", "label="+recipeLabel)
	if err != nil || ids == "" {
		return nil, err
	}
	b, err := docker(ctx, append([]string{"inspect", "--type", "container"}, strings.Fields(ids)...)...)
	if err != nil {
		return nil, err
	}
	var list []container
	if err := json.Unmarshal([]byte(b), &list); err != nil {
		return nil, fmt.Errorf("read docker inspect: %w", err)
	}
	all := make(map[string]container)
	for _, c := range list {
		all[strings.TrimPrefix(c.Name, "/")] = c
	}
	return all, nil
}

// place chooses names, addresses and ports for n hosts. It removes containers
// that do not fit: surplus ones, and those of another recipe.
func (u *upper) place(ctx context.Context, n int) ([]Host, error) {
	subnet, err := ensureNetwork(ctx)
	if err != nil {
		return nil, err
	}
	have, err := containers(ctx)
	if err != nil {
		return nil, err
	}
	hosts := wanted(n, subnet)
	taken := make(map[int]bool)
	for i, h := range hosts {
		c, ok := have[h.Container]
		if !ok || c.sshPort() == 0 || c.Config.Labels[recipeLabel] != u.recipe(h) {
			continue
		}
		hosts[i].SSHPort = c.sshPort()
		taken[c.sshPort()] = true
		delete(have, h.Container)
	}
	if err := remove(ctx, have); err != nil {
		return nil, err
	}
	for i := range hosts {
		if hosts[i].SSHPort == 0 {
			if hosts[i].SSHPort, err = freePort(taken); err != nil {
				return nil, err
			}
		}
	}
	return hosts, nil
}

// recipe returns a digest of everything that a host's container is made from,
// except its port.
func (u *upper) recipe(h Host) string {
	h.SSHPort = 0
	sum := sha256.Sum256(fmt.Append(nil, h, u.image, u.options, masked, string(entryScript)))
	return fmt.Sprintf("%.6x", sum)
}

// remove deletes containers and their volumes.
func remove(ctx context.Context, all map[string]container) error {
	if len(all) == 0 {
		return nil
	}
	args := []string{"rm", "--force", "--volumes"}
	for name := range all {
		args = append(args, name)
	}
	_, err := docker(ctx, args...)
	return err
}

// make creates the missing hosts, and writes how to reach all of them.
func (u *upper) make(ctx context.Context, hosts []Host) error {
	have, err := containers(ctx)
	if err != nil {
		return err
	}
	if missing := len(hosts) - len(have); missing > 0 {
		fmt.Fprintf(u.out, "lab: making %d hosts\n", missing)
	}
	known := make([]string, len(hosts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, h := range hosts {
		g.Go(func() (err error) {
			c, ok := have[h.Container]
			known[i], err = u.makeHost(ctx, h, c, ok)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(u.root, KnownHostsFile), []byte(strings.Join(known, "")), 0o644); err != nil {
		return err
	}
	vars := fmt.Sprintf("become_password = %q\n", u.password)
	if err := writeFile(filepath.Join(u.root, VarsFile), []byte(vars), 0o600); err != nil {
		return err
	}
	return writeJSON(filepath.Join(u.root, HostsFile), hosts)
}

// makeHost brings up one host, from any state, and returns its lines of
// known_hosts.
func (u *upper) makeHost(ctx context.Context, h Host, c container, exists bool) (string, error) {
	if !exists {
		if err := u.create(ctx, h); err != nil {
			return "", err
		}
	}
	if !c.State.Running {
		// The files are copied before every start, because an interrupted run
		// may have ended right after docker create.
		files, err := hostFiles()
		if err != nil {
			return "", err
		}
		if _, err := dockerIn(ctx, files, "cp", "-", h.Container+":/"); err != nil {
			return "", err
		}
		if _, err := docker(ctx, "start", h.Container); err != nil {
			return "", err
		}
	}
	if _, joined := c.NetworkSettings.Networks[network]; exists && !joined {
		if err := h.Join(ctx); err != nil {
			return "", err
		}
	}
	if err := h.waitBooted(ctx); err != nil {
		return "", err
	}
	return u.admit(ctx, h)
}

func (u *upper) create(ctx context.Context, h Host) error {
	args := slices.Concat([]string{"create", "--name", h.Container, "--hostname", h.Name}, u.options, []string{
		"--label", recipeLabel + "=" + u.recipe(h),
		"--ip", h.Address,
		"--publish", fmt.Sprintf("%s:%d:22", h.SSHAddress, h.SSHPort),
		u.image, entryPath,
	})
	_, err := docker(ctx, args...)
	return err
}

// admit lets the lab's key in, proves it by a login, and returns the host's
// lines of known_hosts.
func (u *upper) admit(ctx context.Context, h Host) (string, error) {
	var stdin strings.Builder
	stdin.Write(ssh.MarshalAuthorizedKey(u.key.PublicKey()))
	fmt.Fprintln(&stdin, u.password)
	keys, err := dockerIn(ctx, strings.NewReader(stdin.String()), "exec", "--interactive", h.Container, preparePath, h.User, string(h.Become))
	if err != nil {
		return "", fmt.Errorf("admit %s to %s: %w", h.User, h.Name, err)
	}
	return h.knownHosts(keys), h.login(ctx, u.key, keys)
}
