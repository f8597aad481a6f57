package moduletest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// good is a service with its configuration.
type good struct{ setting string }

func (m good) service() resource.Service {
	conf := host.FileSpec{Path: "/etc/x/x.conf", Mode: 0o600, Content: []byte(m.setting)}
	return resource.Service{Name: "x.service", Unit: resource.Unit{Description: "x", Argv: []string{"/usr/local/bin/x", "--config=/etc/x/x.conf"}}, Files: []host.FileSpec{conf}}
}
func (m good) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	return m.service().Check(ctx, h)
}
func (m good) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	return m.service().Apply(ctx, h, d)
}

func (m good) Owns() []string { return m.service().Owns() }

func TestConverges(t *testing.T) {
	Converges(t, good{"a = 1\n"}, Host(hosttest.WithPrograms("x")))
}

func TestConvergesFromBefore(t *testing.T) {
	Converges(t, good{"a = 2\n"}, Host(hosttest.WithPrograms("x")), Before(good{"a = 1\n"}), Goldens(""))
}

// signed is a certificate on this host that a key on another host has signed.
type signed struct{ ca *hosttest.Host }

func (m signed) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	k, err := h.Keys(ctx, []string{"/etc/x.key"})
	if err != nil {
		return nil, err
	}
	f, err := h.Files(ctx, []host.FileQuery{{Path: "/etc/x.crt", Content: true}})
	if err != nil {
		return nil, err
	}
	var d change.Diff
	if k[0].Public == nil || k[0].Mode != 0o600 || k[0].Owner != "root" {
		d = append(d, change.Change{Kind: change.PrivKey, Action: change.Add, Item: "/etc/x.key"})
	}
	if !strings.HasPrefix(string(f[0].Content), "-----BEGIN CERT") || f[0].Mode != 0o644 || f[0].Owner != "root" || k[0].Public == nil {
		d = append(d, change.Change{Kind: change.Cert, Action: change.Add, Item: "/etc/x.crt"})
	}
	return d, nil
}
func (m signed) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	if _, err := h.EnsureKey(ctx, host.KeySpec{Path: "/etc/x.key", Mode: 0o600}); err != nil {
		return err
	}
	csr, err := h.Request(ctx, "/etc/x.key", "x")
	if err != nil {
		return err
	}
	cert, err := m.ca.Sign(ctx, host.SignRequest{KeyPath: "/etc/ca.key", CertPath: "/etc/ca.crt", Request: csr,
		Profile: host.CertProfile{CommonName: "x", Client: true, Lifetime: time.Hour}})
	if err != nil {
		return err
	}
	return h.WriteFile(ctx, host.FileSpec{Path: "/etc/x.crt", Mode: 0o644, Content: cert})
}

func (m signed) Owns() []string { return []string{"/etc/x.key", "/etc/x.crt"} }

func TestConvergesOnTwoHosts(t *testing.T) {
	ConvergesOn(t, func(h *hosttest.Host) modules.Module {
		ca := hosttest.New("ca")
		hosttest.NewCluster(h, ca)
		if err := makeCA(ca.Admin()); err != nil {
			t.Fatal(err)
		}
		return signed{ca}
	}, NoDrift("/etc/x.key"), Goldens(""))
}

func makeCA(h *hosttest.Host) error {
	ctx := context.Background()
	if _, err := h.EnsureKey(ctx, host.KeySpec{Path: "/etc/ca.key", Mode: 0o600}); err != nil {
		return err
	}
	cert, err := h.Sign(ctx, host.SignRequest{KeyPath: "/etc/ca.key", Profile: host.CertProfile{CommonName: "ca", CA: true, Lifetime: 24 * time.Hour}})
	if err != nil {
		return err
	}
	return h.WriteFile(ctx, host.FileSpec{Path: "/etc/ca.crt", Mode: 0o644, Content: cert})
}

// bad is a module of functions, one of which has a fault.
type bad struct {
	check func(ctx context.Context, h host.Host) (change.Diff, error)
	apply func(ctx context.Context, h host.Host, d change.Diff) error
	items []string // nil returns those of confs
}

func (m bad) Check(ctx context.Context, h host.Host) (change.Diff, error) { return m.check(ctx, h) }
func (m bad) Apply(ctx context.Context, h host.Host, d change.Diff) error { return m.apply(ctx, h, d) }

func (m bad) Owns() []string {
	if m.items == nil {
		return confs.Owns()
	}
	return m.items
}

var (
	confs  = resource.Files{Files: []host.FileSpec{{Path: "/etc/a", Mode: 0o644, Content: []byte("a\n")}, {Path: "/etc/b", Mode: 0o600, Content: []byte("b\n")}}}
	fine   = bad{check: confs.Check, apply: confs.Apply}
	faults = map[string]struct {
		m    bad
		want string
	}{
		"check changes": {bad{check: func(ctx context.Context, h host.Host) (change.Diff, error) {
			if err := h.Append(ctx, "/etc/log", []byte("x")); err != nil {
				return nil, err
			}
			return confs.Check(ctx, h)
		}, apply: confs.Apply}, "the agent is read-only"},
		"never content": {bad{check: confs.Check, apply: func(ctx context.Context, h host.Host, d change.Diff) error {
			return h.WriteFile(ctx, confs.Files[0])
		}}, "Check still finds after Apply"},
		"writes without need": {bad{check: confs.Check, apply: func(ctx context.Context, h host.Host, d change.Diff) error {
			return errors.Join(h.WriteFile(ctx, confs.Files[0]), h.WriteFile(ctx, confs.Files[1]))
		}}, "Apply of an empty diff changed"},
		"blind to modes": {bad{check: func(ctx context.Context, h host.Host) (change.Diff, error) {
			d, err := confs.Check(ctx, h)
			var seen change.Diff
			for _, c := range d {
				if c.Kind != change.Attr {
					seen = append(seen, c)
				}
			}
			return seen, err
		}, apply: confs.Apply}, "mode of /etc/a: Check does not see it"},
		"swallows": {bad{check: confs.Check, apply: func(ctx context.Context, h host.Host, d change.Diff) error {
			_ = confs.Apply(ctx, h, d)
			return nil
		}}, "must wrap host.ErrLost"},
		"marks before": {bad{check: func(ctx context.Context, h host.Host) (change.Diff, error) {
			f, err := h.Files(ctx, []host.FileQuery{{Path: "/etc/a"}})
			if err != nil || f[0].Type != host.Absent {
				return nil, err
			}
			return confs.Check(ctx, h)
		}, apply: confs.Apply}, "Check finds nothing left to do, but there is"},
		"one by one": {bad{check: func(ctx context.Context, h host.Host) (change.Diff, error) {
			for range 4 {
				if _, err := h.Facts(ctx); err != nil {
					return nil, err
				}
			}
			return confs.Check(ctx, h)
		}, apply: confs.Apply}, "Check takes 5 round trips"},
		"restarts others": {bad{check: confs.Check, apply: func(ctx context.Context, h host.Host, d change.Diff) error {
			if len(d) == 0 {
				return nil
			}
			return errors.Join(h.WriteFile(ctx, confs.Files[0]), h.WriteFile(ctx, confs.Files[1]))
		}}, "mode of /etc/a: Apply touches /etc/b"},
		"forgets an item": {bad{check: confs.Check, apply: confs.Apply, items: []string{"/etc/b"}}, "Owns lacks file /etc/a"},
	}
)

// TestFaulty is run by TestFindsFaults.
func TestFaulty(t *testing.T) {
	name := os.Getenv("MODULETEST_FAULT")
	if name == "" {
		Converges(t, fine, Goldens(""))
		return
	}
	Converges(t, faults[name].m, Goldens(""))
}

func TestFindsFaults(t *testing.T) {
	for name, tt := range faults {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestFaulty$")
			cmd.Env = append(os.Environ(), "MODULETEST_FAULT="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(plain(out), tt.want) {
				t.Errorf("got %v, want %q in\n%s", err, tt.want, out)
			}
		})
	}
}

var spaces = regexp.MustCompile(`\s+`)

func plain(out []byte) string { return spaces.ReplaceAllString(string(out), " ") }
