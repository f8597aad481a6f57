// Package etcd runs a member of etcd as a systemd service. It owns the unit,
// /etc/etcd/etcd.yaml and the data directory; the program, the certificates
// and the user are other steps'.
package etcd

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/controlplane"
	"github.com/pmkctl/pmkctl/modules/internal/passthrough"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const service = "etcd.service"

// Member is one member of the cluster.
type Member struct {
	Name    string // the host's
	Address string // what the others reach it at
}

// Module is the member on one host. The first members are started together:
// each waits for a majority before systemd takes it for started.
type Module struct {
	Member
	Members []Member // all of them, this one too, in the order of the spec
	Token   string   // name of the cluster
	Started bool     // this member has run before, so its data must be there

	Config       map[string]any    // over ours
	Flags        map[string]string // fields of the configuration too: etcd takes no flags beside a file
	FeatureGates map[string]bool

	Binary string // sha256 of the program
}

const (
	program = "/usr/local/bin/etcd"
	config  = "/etc/etcd/etcd.yaml"
	dataDir = "/var/lib/etcd"
	pki     = "/etc/kubernetes/pki/etcd/"
	user    = "etcd"
)

// Owns reports whether the item of a change is a part of etcd itself: its
// service, its configuration, or its data in the place that is used without
// a data-dir in the spec.
func Owns(item string) bool {
	return item == service || strings.HasPrefix(item, path.Dir(config)+"/") || strings.HasPrefix(item, dataDir)
}

// ClientURL is where a member serves its clients.
func (m Member) ClientURL() string { return "https://" + net.JoinHostPort(m.Address, "2379") }

func (m Member) peerURL() string { return "https://" + net.JoinHostPort(m.Address, "2380") }

// Check compares configuration, data directory and unit.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	s, err := m.service(ctx, h)
	if err != nil {
		return nil, err
	}
	return s.Check(ctx, h)
}

// Apply writes and restarts it, and waits until it is healthy, which takes a
// majority of the members.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	s, err := m.service(ctx, h)
	if err != nil {
		return err
	}
	return s.Apply(ctx, h, d)
}

// Confirm waits until the member is healthy, see modules.Confirmer.
func (m Module) Confirm(ctx context.Context, h host.Host) error {
	s, err := m.service(ctx, h)
	if err != nil {
		return err
	}
	if err := s.Ready(ctx, h); err != nil {
		return resource.WithJournal(ctx, h, service, err)
	}
	return nil
}

// Again restarts the service, see modules.Replacer.
func (m Module) Again(_ context.Context, d change.Diff) (change.Diff, error) {
	return resource.Restarted(service, change.ReplaceAsked, d), nil
}

// Items are all that the module may change, see modules.Owner.
func (m Module) Items() []string {
	s, err := m.configured(m.config())
	if err != nil {
		return nil // Check tells it
	}
	return s.Items()
}

// Footprint is what the service leaves, see modules.Resident.
func (m Module) Footprint() modules.Footprint {
	s, _ := m.configured(m.config())
	return s.Footprint()
}

func (m Module) service(ctx context.Context, h host.Host) (resource.Service, error) {
	c := m.config()
	data, _ := c["data-dir"].(string)
	have, err := h.Files(ctx, []host.FileQuery{{Path: data + "/member"}, {Path: config, Content: true}})
	if err != nil {
		return resource.Service{}, err
	}
	switch {
	case have[0].Type == host.Dir:
		c = keepInitial(c, have[1].Content)
	case m.Started && have[0].Type == host.Absent:
		return resource.Service{}, m.lost(data)
	}
	return m.configured(c)
}

// lost is the error of a member without its data. The only member would start
// as an empty cluster; one of several would be refused by the others, as one
// that has been bootstrapped already.
func (m Module) lost(data string) error {
	advice := "Restore it from a backup, or mount the disk that it is on"
	if len(m.Members) > 1 {
		advice += "; or replace this member by hand with etcdctl, or, if this is not the control-plane host, take the host out of the spec, apply, and add it again without the role \"etcd\""
	}
	return fmt.Errorf("%s/member is gone: this host is a member of the etcd of a live cluster, and its etcd must not start without data. %s", data, advice)
}

// configured is the service with this configuration.
func (m Module) configured(c map[string]any) (resource.Service, error) {
	data, _ := c["data-dir"].(string)
	content, err := passthrough.YAML(c)
	if err != nil {
		return resource.Service{}, fmt.Errorf("write etcd's configuration: %w", err)
	}
	file := host.FileSpec{Path: config, Mode: 0o644, Content: content}
	return resource.Service{
		Name: service,
		Unit: controlplane.Unit{
			What: "etcd", After: "time-sync.target", Type: "notify", User: user,
			Argv: []string{program, "--config-file=" + config},
		}.String(),
		Files: resource.Files{
			Dirs:  append(resource.Parents(file), host.DirSpec{Path: data, Mode: 0o700, Owner: user, Group: user}),
			Files: []host.FileSpec{file},
		},
		Needs: []string{m.Binary},
		Ready: controlplane.Ready("etcd", host.GetRequest{URL: healthURL(c)}),
		Stops: modules.StoresAPI,
		Places: []modules.Place{
			{Path: "/var/lib/etcd", Prefix: "member", Who: "etcd", What: "the cluster's data"},
		},
	}, nil
}

func (m Module) config() map[string]any {
	tls := func(name string) map[string]any {
		return map[string]any{"cert-file": pki + name + ".crt", "key-file": pki + name + ".key", "trusted-ca-file": pki + "ca.crt", "client-cert-auth": true}
	}
	var cluster []string
	for _, o := range m.Members {
		cluster = append(cluster, o.Name+"="+o.peerURL())
	}
	c := map[string]any{
		"name":                        m.Name,
		"data-dir":                    dataDir,
		"listen-client-urls":          m.ClientURL() + ",https://127.0.0.1:2379",
		"advertise-client-urls":       m.ClientURL(),
		"listen-peer-urls":            m.peerURL(),
		"listen-metrics-urls":         "http://127.0.0.1:2381",
		"client-transport-security":   tls("server"),
		"peer-transport-security":     tls("peer"),
		"initial-advertise-peer-urls": m.peerURL(),
		"initial-cluster":             strings.Join(cluster, ","),
		"initial-cluster-state":       "new",
		"initial-cluster-token":       m.Token,
		"strict-reconfig-check":       true,
	}
	if g := controlplane.Gates(m.FeatureGates); g != "" {
		c["feature-gates"] = g
	}
	return passthrough.Merge(passthrough.Merge(c, fields(m.Flags)), m.Config)
}

// fields are flags as fields, which have the same names: numbers and
// booleans become such.
func fields(flags map[string]string) map[string]any {
	out := map[string]any{}
	for name, text := range flags {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil || v == nil {
			v = text
		}
		out[name] = v
	}
	return out
}

// keepInitial takes what only a first start reads from the file on disk: a
// cluster that has grown since was not made anew, and a restart for a field
// that nobody reads would be a risk for nothing.
func keepInitial(want map[string]any, onDisk []byte) map[string]any {
	var have map[string]any
	if err := yaml.Unmarshal(onDisk, &have); err != nil || len(have) == 0 {
		return want
	}
	out := maps.Clone(want)
	for _, k := range []string{"initial-advertise-peer-urls", "initial-cluster", "initial-cluster-state", "initial-cluster-token"} {
		if v, ok := have[k]; ok {
			out[k] = v
		} else {
			delete(out, k)
		}
	}
	return out
}

// healthURL is the first metrics URL, seen from the host itself.
func healthURL(c map[string]any) string {
	urls, _ := c["listen-metrics-urls"].(string)
	first, _, _ := strings.Cut(urls, ",")
	u, err := url.Parse(first)
	if err != nil {
		return first
	}
	u.Host = net.JoinHostPort(controlplane.Local(u.Hostname()), u.Port())
	return u.JoinPath("health").String()
}
