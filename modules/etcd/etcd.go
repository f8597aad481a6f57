// Package etcd runs a member of etcd as a systemd service. It owns the unit,
// /etc/etcd/etcd.yaml and the data directory. Other steps own the program, the
// certificates and the user.
package etcd

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	configPath = "/etc/etcd/etcd.yaml"
	pki        = "/etc/kubernetes/pki/etcd/"
)

// Member is a member of etcd: the name of its host, and the address at which other
// members reach it.
type Member struct{ Name, Address string }

// ClientURL returns the URL at which a member serves its clients.
func (m Member) ClientURL() string { return "https://" + net.JoinHostPort(m.Address, "2379") }
func (m Member) peerURL() string   { return "https://" + net.JoinHostPort(m.Address, "2380") }

// Etcd is the member on one host. The first members must be started together: each
// waits for a majority before systemd considers it started.
type Etcd struct {
	Member
	Members []Member // all of them, this one too, in the order of the spec
	Token   string   // name of the cluster
	Started bool     // this member has run before, so its data must be there

	modules.Settings        // without flags: etcd ignores flags if it has a file
	Binary           string // SHA-256 of the program
}

var owned = Etcd{}.Service().Owns()

// Owns reports whether an item is the unit of etcd, its configuration or its data
// directory.
func Owns(item string) bool { return slices.Contains(owned, item) }

// New returns the module of the service.
func New(e Etcd) modules.Module { return e.Service() }

// Service returns the unit, its configuration and when it is ready. A member is
// ready only if a majority of the members runs.
func (e Etcd) Service() resource.Service {
	fields := e.fields()
	data, _ := fields["data-dir"].(string)
	return resource.Service{
		Name: "etcd.service",
		Unit: resource.Unit{Description: "etcd", Wants: "network-online.target", After: "time-sync.target", Type: "notify",
			User: "etcd", Argv: []string{"/usr/local/bin/etcd", "--config-file=" + configPath}}.Sandboxed(false),
		Config: resource.Config{Path: configPath, Fields: fields},
		Dirs:   []host.DirSpec{{Path: data, Mode: 0o700, Owner: "etcd", Group: "etcd"}},
		Inputs: []string{e.Binary},
		OnHost: e.onHost,
		Ready:  resource.Healthy("etcd", host.GetRequest{URL: healthURL(fields)}),
		Stops:  modules.StoresAPI,
		Places: []modules.Place{{Path: "/var/lib/etcd", Prefix: "member", Who: "etcd", What: "the cluster's data", Module: "etcd"}},
	}
}

// onHost keeps the fields on disk that only the first start of a member reads. A
// member that has lost its data is an error.
func (e Etcd) onHost(ctx context.Context, h host.Host, fields map[string]any) (map[string]any, error) {
	data, _ := fields["data-dir"].(string)
	have, err := h.Files(ctx, []host.FileQuery{{Path: data + "/member"}, {Path: configPath, Content: true}})
	switch {
	case err != nil:
		return nil, err
	case have[0].Type == host.Dir:
		return keepInitial(fields, have[1].Content), nil
	case e.Started && have[0].Type == host.Absent:
		return nil, e.lost(data)
	}
	return fields, nil
}

// lost returns the error for a member without its data. If it were started, it
// would be an empty cluster, or the other members would refuse it.
func (e Etcd) lost(data string) error {
	advice := "Restore it from a backup, or mount the disk that it is on"
	if len(e.Members) > 1 {
		advice += "; or replace this member by hand with etcdctl, or, if this is not the control-plane host, take the host out of the spec, apply, and add it again without the role \"etcd\""
	}
	return fmt.Errorf("%s/member is gone: this host is a member of the etcd of a live cluster, and its etcd must not start without data. %s", data, advice)
}

// fields returns the fields of etcd.yaml.
func (e Etcd) fields() map[string]any {
	tls := func(name string) map[string]any {
		return map[string]any{"cert-file": pki + name + ".crt", "key-file": pki + name + ".key", "trusted-ca-file": pki + "ca.crt", "client-cert-auth": true}
	}
	var cluster []string
	for _, o := range e.Members {
		cluster = append(cluster, o.Name+"="+o.peerURL())
	}
	c := map[string]any{
		"name":                        e.Name,
		"data-dir":                    "/var/lib/etcd",
		"listen-client-urls":          e.ClientURL() + ",https://127.0.0.1:2379",
		"advertise-client-urls":       e.ClientURL(),
		"listen-peer-urls":            e.peerURL(),
		"listen-metrics-urls":         "http://127.0.0.1:2381",
		"client-transport-security":   tls("server"),
		"peer-transport-security":     tls("peer"),
		"initial-advertise-peer-urls": e.peerURL(),
		"initial-cluster":             strings.Join(cluster, ","),
		"initial-cluster-state":       "new",
		"initial-cluster-token":       e.Token,
		"strict-reconfig-check":       true,
	}
	if g := e.Gates(); g != "" {
		c["feature-gates"] = g
	}
	return e.Config.Over(c)
}

// keepInitial takes the fields that only a first start reads from the file on
// disk. So a cluster that has grown is not restarted because of them.
func keepInitial(want map[string]any, onDisk []byte) map[string]any {
	var have map[string]any
	if err := yaml.Unmarshal(onDisk, &have); err != nil || len(have) == 0 {
		return want
	}
	initial := modules.Fields{}
	for _, k := range []string{"initial-advertise-peer-urls", "initial-cluster", "initial-cluster-state", "initial-cluster-token"} {
		initial[k] = have[k] // nil removes the field
	}
	return initial.Over(want)
}

// healthURL returns the health endpoint at the first metrics URL, as the host itself
// reaches it.
func healthURL(fields map[string]any) string {
	urls, _ := fields["listen-metrics-urls"].(string)
	first, _, _ := strings.Cut(urls, ",")
	if u, err := url.Parse(first); err == nil {
		u.Host = resource.Local(u.Hostname(), u.Port())
		first = u.JoinPath("health").String()
	}
	return first
}
