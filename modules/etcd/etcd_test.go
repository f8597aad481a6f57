package etcd

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

var members = []Member{{"cp-1", "192.0.2.11"}, {"cp-2", "192.0.2.12"}, {"cp-3", "2001:db8::13"}}

func TestConfig(t *testing.T) {
	m := Etcd{Member: members[2], Members: members, Token: "demo",
		Settings: modules.Settings{
			FeatureGates: map[string]bool{"B": false, "A": true},
			Config: map[string]any{"heartbeat-interval": 200.0, "strict-reconfig-check": nil,
				"quota-backend-bytes": 8589934592.0, "pre-vote": false, "log-level": "warn"},
		}}
	d, err := New(m).Check(t.Context(), hosttest.New("cp-1"))
	if err != nil {
		t.Fatal(err)
	}
	got := d[slices.IndexFunc(d, func(c change.Change) bool { return c.Item == configPath })].Want
	want := `advertise-client-urls: https://[2001:db8::13]:2379
client-transport-security:
  cert-file: /etc/kubernetes/pki/etcd/server.crt
  client-cert-auth: true
  key-file: /etc/kubernetes/pki/etcd/server.key
  trusted-ca-file: /etc/kubernetes/pki/etcd/ca.crt
data-dir: /var/lib/etcd
feature-gates: A=true,B=false
heartbeat-interval: 200
initial-advertise-peer-urls: https://[2001:db8::13]:2380
initial-cluster: cp-1=https://192.0.2.11:2380,cp-2=https://192.0.2.12:2380,cp-3=https://[2001:db8::13]:2380
initial-cluster-state: new
initial-cluster-token: demo
listen-client-urls: https://[2001:db8::13]:2379,https://127.0.0.1:2379
listen-metrics-urls: http://127.0.0.1:2381
listen-peer-urls: https://[2001:db8::13]:2380
log-level: warn
name: cp-3
peer-transport-security:
  cert-file: /etc/kubernetes/pki/etcd/peer.crt
  client-cert-auth: true
  key-file: /etc/kubernetes/pki/etcd/peer.key
  trusted-ca-file: /etc/kubernetes/pki/etcd/ca.crt
pre-vote: false
quota-backend-bytes: 8589934592
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKeepInitial(t *testing.T) {
	want := map[string]any{"name": "a", "initial-cluster": "a=x,b=y", "initial-cluster-state": "new"}
	tests := []struct {
		name, onDisk string
		want         map[string]any
	}{
		{"nothing", "", want},
		{"unreadable", "]", want},
		{"grown since", "name: b\ninitial-cluster: a=x\ninitial-cluster-state: existing\n",
			map[string]any{"name": "a", "initial-cluster": "a=x", "initial-cluster-state": "existing"}},
		{"taken out by hand", "name: b\n", map[string]any{"name": "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, keepInitial(want, []byte(tt.onDisk))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHealthURL(t *testing.T) {
	tests := []struct{ urls, want string }{
		{"http://127.0.0.1:2381", "http://127.0.0.1:2381/health"},
		{"http://0.0.0.0:2381,http://192.0.2.1:9", "http://127.0.0.1:2381/health"},
		{"http://192.0.2.1:9", "http://192.0.2.1:9/health"},
	}
	for _, tt := range tests {
		if got := healthURL(map[string]any{"listen-metrics-urls": tt.urls}); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestFiles(t *testing.T) {
	m := Etcd{Member: members[0], Members: members[:1], Token: "demo", Binary: "d1", Settings: modules.Settings{Config: map[string]any{"data-dir": "/srv/etcd"}}}
	moduletest.Files(t, "testdata/golden/plain.txtar", hosttest.New("cp-1"), New(m))
}

func TestConverges(t *testing.T) {
	m := Etcd{Member: members[0], Members: members[:1], Token: "demo", Binary: "d1"}
	moduletest.Converges(t, New(m), moduletest.Prepare(before))

	// A newer program restarts it. If there is data, another list of members does
	// not.
	grown := m
	grown.Members, grown.Binary = members, "d2"
	t.Run("restarts", func(t *testing.T) {
		moduletest.Converges(t, New(grown), moduletest.Prepare(before), moduletest.Before(New(m)))
	})
}

func before(h *hosttest.Host) {
	hosttest.WithUsers("etcd")(h)
	hosttest.WithPrograms("etcd")(h)
	for _, f := range []string{"ca.crt", "server.crt", "server.key", "peer.crt", "peer.key"} {
		hosttest.WithFile("/etc/kubernetes/pki/etcd/"+f, "x")(h)
	}
}

// TestKeepsInitial: after the first start, which makes the data, the fields for it
// stay.
func TestKeepsInitial(t *testing.T) {
	ctx, h := context.Background(), hosttest.New("cp-1")
	before(h.Admin())
	m := Etcd{Member: members[0], Members: members[:1], Token: "demo", Binary: "d1"}
	apply := func(e Etcd) change.Diff {
		t.Helper()
		m := New(e)
		d, err := m.Check(ctx, h)
		if err == nil {
			err = m.Apply(ctx, h, d)
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	apply(m)
	m.Members = members
	if d := apply(m); len(d) > 0 {
		t.Errorf("another list of members changes %v", d)
	}
	m.Config = map[string]any{"log-level": "warn"}
	if d := apply(m); !d.Touches("/etc/etcd/etcd.yaml") || !d.Touches("etcd.service") {
		t.Errorf("got %v", d)
	}
	if c := string(h.Peek("/etc/etcd/etcd.yaml")); !strings.Contains(c, "initial-cluster: cp-1=https://192.0.2.11:2380\n") {
		t.Errorf("got %s", c)
	}
}

// TestLostData: a member that has run before is not started without its data.
func TestLostData(t *testing.T) {
	tests := []struct {
		name    string
		members []Member
		there   string // a directory; "" is none
		want    string // in the error; "" is none
	}{
		{"only member", members[:1], "", "/srv/etcd/member is gone: this host is a member of the etcd of a live cluster, and its etcd must not start without data. Restore it from a backup, or mount the disk that it is on"},
		{"one of three", members, "", "or replace this member by hand with etcdctl, or, if this is not the control-plane host, take the host out of the spec, apply, and add it again without the role \"etcd\""},
		{"data", members, "/srv/etcd/member", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hosttest.New("cp-1")
			before(h.Admin())
			if tt.there != "" {
				hosttest.WithDir(tt.there)(h.Admin())
			}
			m := Etcd{Member: members[0], Members: tt.members, Token: "demo", Started: true, Settings: modules.Settings{Config: map[string]any{"data-dir": "/srv/etcd"}}}
			_, err := New(m).Check(context.Background(), h)
			if (err == nil) != (tt.want == "") || err != nil && !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
