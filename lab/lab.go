package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A Lab is the hosts that Up made, as in the hosts.json of one repository.
type Lab struct {
	Root  string // of the repository
	hosts []Host
}

// A Host is one container. Its JSON form is hosts.json.
type Host struct {
	Name       string `json:"name"`
	Container  string `json:"container"`
	SSHAddress string `json:"ssh_address"`
	SSHPort    int    `json:"ssh_port"`
	User       string `json:"user"`
	Become     Become `json:"become"`
	Address    string `json:"address"` // on the lab's own network
}

// Become is the way in which a host's user gets root's rights.
type Become string

// The ways in the lab.
const (
	BecomeNone     Become = "none"     // the user is root
	BecomeNoPasswd Become = "nopasswd" // sudo asks for no password
	BecomePassword Become = "password" // sudo asks for the password in BecomePasswordFile
)

// Paths relative to the root of the repository.
const (
	HostsFile          = "examples/lab/hosts.json"
	VarsFile           = "examples/lab/lab.auto.hclvars" // become_password, for the spec there
	KeyFile            = ".lab/id_ed25519"
	KnownHostsFile     = ".lab/known_hosts"
	BecomePasswordFile = ".lab/become-password"
	KubeconfigFile     = ".lab/kubeconfig"
	KubectlFile        = ".lab/bin/kubectl"
)

// Open returns the lab that is running for the repository at root.
func Open(root string) (*Lab, error) {
	b, err := os.ReadFile(filepath.Join(root, HostsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open the lab: it is not up (make lab-up): %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the lab: %w", err)
	}
	l := &Lab{Root: root}
	if err := json.Unmarshal(b, &l.hosts); err != nil {
		return nil, fmt.Errorf("open the lab: read %s: %w", HostsFile, err)
	}
	return l, nil
}

// FindRoot returns the root of the repository that contains dir.
func FindRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "lab", "components", "kubernetes", "go.mod")); err == nil {
			return d, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("find the repository: %s is not inside one", dir)
		}
	}
}

// Hosts returns all hosts, cp-1 first.
func (l *Lab) Hosts() []Host { return l.hosts }

// Host returns the host of that name.
func (l *Lab) Host(name string) (Host, error) {
	for _, h := range l.hosts {
		if h.Name == name {
			return h, nil
		}
	}
	return Host{}, fmt.Errorf("find host %q: the lab has none of that name", name)
}

// Exec runs argv on the host as root and returns its standard output. An error
// contains its standard error.
func (h Host) Exec(ctx context.Context, argv ...string) (string, error) {
	out, err := docker(ctx, append([]string{"exec", h.Container}, argv...)...)
	if err != nil {
		return out, fmt.Errorf("%s: %w", h.Name, err)
	}
	return out, nil
}

// Copy copies the file or folder src of this machine to dst on the host.
func (h Host) Copy(ctx context.Context, src, dst string) error {
	_, err := docker(ctx, "cp", src, h.Container+":"+dst)
	return err
}

// Stop shuts the host down; Start starts it again.
func (h Host) Stop(ctx context.Context) error {
	_, err := docker(ctx, "stop", "--time", "30", h.Container)
	return err
}

// Kill stops the host at once, like a power cut.
func (h Host) Kill(ctx context.Context) error {
	_, err := docker(ctx, "kill", h.Container)
	return err
}

// Start starts the host and waits until it has booted.
func (h Host) Start(ctx context.Context) error {
	if _, err := docker(ctx, "start", h.Container); err != nil {
		return err
	}
	return h.waitBooted(ctx)
}

// Restart shuts the host down, starts it, and waits until it has booted.
func (h Host) Restart(ctx context.Context) error {
	if err := h.Stop(ctx); err != nil {
		return err
	}
	return h.Start(ctx)
}

// Cut disconnects the host from the network, its SSH port included. Exec still
// works.
func (h Host) Cut(ctx context.Context) error {
	_, err := docker(ctx, "network", "disconnect", network, h.Container)
	return err
}

// Join reconnects a host after Cut and waits for its sshd.
func (h Host) Join(ctx context.Context) error {
	if _, err := docker(ctx, "network", "connect", "--ip", h.Address, network, h.Container); err != nil {
		return err
	}
	return h.waitSSH(ctx)
}
