package run

import (
	"context"
	"os"
	"path/filepath"

	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/view/wording"
)

// Scan prints the fingerprints of the SSH keys of all hosts. If write is set,
// it adds the keys to the known_hosts file of each host.
func Scan(ctx context.Context, o Options, write bool) error {
	cluster, _, err := o.Load()
	if err != nil {
		return err
	}
	hosts, err := o.included(cluster, func(h *spec.Host) bool { return h.Has(spec.ControlPlane) })
	if err == nil {
		err = o.checkExclude(cluster, cluster.Hosts)
	}
	if err != nil {
		return err
	}
	var failed error
	for _, h := range hosts {
		t := target(h.Name, h.SSH)
		keys, err := sshhost.Scan(ctx, t, sshhost.Options{})
		if err != nil {
			failed = &Error{Outcome: Unreachable}
			o.Console.Note("pmkctl: %v", err)
			continue
		}
		for _, k := range keys {
			if err := o.Console.Print("%s %s\n", h.Name, sshhost.Fingerprint(k)); err != nil {
				return err
			}
		}
		if !write {
			continue
		}
		added, err := sshhost.AddKnownHosts(knownHosts(h.SSH), t, keys, sshhost.Options{})
		if err != nil {
			return &Error{Unreachable, err}
		}
		o.Console.Note("%s: %s added to %s", h.Name, wording.Count(added, "key"), knownHosts(h.SSH))
	}
	return failed
}

// knownHosts returns the path of the file that a host's keys belong in.
func knownHosts(s spec.SSH) string {
	if s.KnownHosts != "" {
		return s.KnownHosts
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".ssh", "known_hosts")
}
