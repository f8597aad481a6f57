package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// A Variant is the spec of examples/lab with changes, for example other SSH
// logins.
type Variant struct {
	Name       string              // of its folder
	Change     func(*Host)         // applied to each host; may be nil
	Without    string              // a host that is not in it; "" for none
	More       string              // HCL that is appended
	KnownHosts func(string) string // changes the lab's known_hosts; nil for no change
}

// Spec writes the variant to a folder of its own below .lab. Relative paths in
// the spec are still right there.
func (l *Lab) Spec(v Variant) (dir string, err error) {
	dir = filepath.Join(l.Root, ".lab", "spec-"+v.Name)
	from := filepath.Join(l.Root, filepath.Dir(HostsFile))
	copied := func(name string, change func(string) string) error {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		return writeFile(filepath.Join(dir, name), []byte(change(string(b))), 0o600)
	}
	same := func(s string) string { return s }
	spec := same
	if v.KnownHosts != nil {
		known, err := os.ReadFile(filepath.Join(l.Root, KnownHostsFile))
		if err != nil {
			return "", err
		}
		if err := writeFile(filepath.Join(dir, "known_hosts"), []byte(v.KnownHosts(string(known))), 0o644); err != nil {
			return "", err
		}
		spec = func(s string) string { return strings.Replace(s, `"../../.lab/known_hosts"`, `"known_hosts"`, 1) }
	}
	hosts := slices.DeleteFunc(append([]Host(nil), l.hosts...), func(h Host) bool { return h.Name == v.Without })
	for i := range hosts {
		if v.Change != nil {
			v.Change(&hosts[i])
		}
	}
	return dir, errors.Join(
		copied("cluster.hcl", func(s string) string { return spec(s) + v.More }), copied("components.json", same), copied(filepath.Base(VarsFile), same),
		writeJSON(filepath.Join(dir, filepath.Base(HostsFile)), hosts))
}

// AsRoot returns a variant in which all hosts are reached as root. It needs
// AdmitRoot.
func AsRoot() Variant {
	return Variant{Name: "root", Change: func(h *Host) { h.User, h.Become = "root", BecomeNone }}
}

// AdmitRoot lets the lab's key in as root on all hosts.
func (l *Lab) AdmitRoot(ctx context.Context) error {
	key, err := ensureKey(l.Root)
	if err != nil {
		return err
	}
	for _, h := range l.hosts {
		stdin := strings.NewReader(string(ssh.MarshalAuthorizedKey(key.PublicKey())) + "\n")
		if _, err := dockerIn(ctx, stdin, "exec", "--interactive", h.Container, preparePath, "root", string(BecomeNone)); err != nil {
			return fmt.Errorf("admit root to %s: %w", h.Name, err)
		}
	}
	return nil
}
