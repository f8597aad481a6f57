package pki

import (
	"context"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func dirs(h *hosttest.Host) {
	hosttest.WithUsers("kube", "etcd")(h)
	hosttest.WithDir(Dir + "etcd")(h)
}

// A damaged key or certificate of a CA is not mended, so NoDrift. TestCA has the
// faults that are.
func TestCAConverges(t *testing.T) {
	moduletest.ConvergesOn(t, func(*hosttest.Host) modules.Module {
		return ClusterCA(modules.NewValue[string](address.MustParse("ca.cp-1")))
	},
		moduletest.Prepare(dirs), moduletest.NoDrift(Dir+"ca.key", Dir+"ca.crt"))
}

func TestKeyPairConverges(t *testing.T) {
	moduletest.Converges(t, ServiceAccounts(), moduletest.Prepare(dirs))
}

// standing makes all three authorities on a host.
func standing(h *hosttest.Host) {
	dirs(h)
	for _, m := range []CA{ClusterCA(modules.NewValue[string](address.Addr{})), FrontProxyCA(modules.NewValue[string](address.Addr{})), EtcdCA(modules.NewValue[string](address.Addr{}))} {
		converge(h, m)
	}
}

func converge(h *hosttest.Host, m modules.Module) {
	d, err := m.Check(context.Background(), h)
	if err == nil {
		err = m.Apply(context.Background(), h, d)
	}
	if err != nil {
		panic(err)
	}
}

// of returns the authorities of a host.
func of(h *hosttest.Host) map[string]Authority {
	a := func(m CA) Authority {
		if pem := h.Peek(m.Cert); pem != nil {
			m.PEM.Set(string(pem))
		}
		m.PEM.Settle()
		return m.Authority(h)
	}
	return map[string]Authority{Cluster: a(ClusterCA(modules.NewValue[string](address.MustParse("ca")))), FrontProxy: a(FrontProxyCA(modules.NewValue[string](address.MustParse("ca")))), Etcd: a(EtcdCA(modules.NewValue[string](address.MustParse("ca"))))}
}

func TestLeavesConverge(t *testing.T) {
	// One of each CA and of each kind of owner, because the test is quadratic.
	controlPlane := ControlPlane{Name: "cp-1", Addresses: []string{"192.0.2.11"}, ServiceIP: "10.96.0.1", Domain: "cluster.local"}.Leaves()
	leaves := []Leaf{controlPlane[0], controlPlane[3], EtcdLeaves("cp-1", []string{"192.0.2.11"})[0], NodeLeaves("cp-1", nil)[0]}
	moduletest.ConvergesOn(t, func(h *hosttest.Host) modules.Module { return Leaves{Leaves: leaves, CAs: of(h)} }, moduletest.Prepare(standing))
}

func TestTrustConverges(t *testing.T) {
	ca := newCA(t, caLife)
	pem := modules.Known(string(ca.cert))
	moduletest.Converges(t, Trust{Files: []TrustFile{TrustCluster(pem), TrustEtcd(pem), TrustFrontProxy(pem)}}, moduletest.Prepare(dirs))
}

func TestCA(t *testing.T) {
	tests := []struct {
		name string
		do   func(h *hosttest.Host) error
		want string // of the error; "" if it is mended
	}{
		{"key's mode", func(h *hosttest.Host) error {
			_, err := h.EnsureKey(context.Background(), host.KeySpec{Path: Dir + "ca.key", Mode: 0o666})
			return err
		}, ""},
		{"certificate's mode", func(h *hosttest.Host) error {
			return h.WriteFile(context.Background(), host.FileSpec{Path: Dir + "ca.crt", Mode: 0o600, Content: h.Peek(Dir + "ca.crt")})
		}, ""},
		{"certificate is gone", func(h *hosttest.Host) error { return h.Remove(context.Background(), Dir+"ca.crt") }, ""},
		{"key is gone", func(h *hosttest.Host) error { return h.Remove(context.Background(), Dir+"ca.key") }, "put the key back"},
		{"another key", func(h *hosttest.Host) error {
			if err := h.Remove(context.Background(), Dir+"ca.key"); err != nil {
				return err
			}
			_, err := h.EnsureKey(context.Background(), host.KeySpec{Path: Dir + "ca.key", Mode: 0o640, Group: "kube"})
			return err
		}, "is not for the key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, h := context.Background(), hosttest.New("cp-1")
			standing(h.Admin())
			before := string(h.Peek(Dir + "ca.key"))
			if err := tt.do(h.Admin()); err != nil {
				t.Fatal(err)
			}
			m := ClusterCA(modules.NewValue[string](address.MustParse("ca")))
			d, err := m.Check(ctx, h)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				return
			}
			if err == nil {
				err = m.Apply(ctx, h, d)
			}
			if err != nil || len(d) != 1 {
				t.Fatalf("got %v, %v", d, err)
			}
			if d, err = m.Check(ctx, h); err != nil || len(d) > 0 {
				t.Errorf("still differs: %v, %v", d, err)
			}
			if pem, err := m.PEM.Get(ctx); err != nil || pem != string(h.Peek(Dir+"ca.crt")) {
				t.Errorf("value is %q, %v", pem, err)
			}
			if string(h.Peek(Dir+"ca.key")) != before {
				t.Error("there is another key now")
			}
		})
	}
}
