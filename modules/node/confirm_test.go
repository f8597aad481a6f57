package node

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

// TestConfirm waits for the report of the kubelet after its restart. The Node is
// Ready all the time until then.
func TestConfirm(t *testing.T) {
	const config = "/var/lib/kubelet/config.yaml"
	restart := func(h *hosttest.Host) error { return h.Unit(t.Context(), "kubelet.service", host.Restart) }
	tests := []struct {
		name       string
		change     func(h *hosttest.Host) error
		least, max time.Duration
		err        string
	}{
		{"restarted", restart, 5 * time.Second, 7 * time.Second, ""},
		{"not restarted", func(*hosttest.Host) error { return nil }, 10 * time.Second, 21 * time.Second, ""},
		{"restarted and reported since", func(h *hosttest.Host) error {
			err := restart(h)
			time.Sleep(6 * time.Second)
			return err
		}, 10 * time.Second, 21 * time.Second, ""},
		{"restarted with a bad setting", func(h *hosttest.Host) error {
			hosttest.WithFile(config, "runtimeRequestTimeout: 1ms\n")(h)
			return restart(h)
		}, 2 * time.Minute, 2 * time.Minute, "node w to report Ready again: KubeletNotReady: container runtime is down"},
		{"stopped", func(h *hosttest.Host) error { return h.Unit(t.Context(), "kubelet.service", host.Stop) },
			2 * time.Minute, 2 * time.Minute, "the kubelet has not reported since the change"},
		{"lost", func(h *hosttest.Host) error { h.CutAfter(0); return nil }, 0, 0, "connection"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := hosttest.New("w", hosttest.WithService("kube-apiserver", "flanneld"), hosttest.WithPrograms("kubelet"), hosttest.WithFile(config, ""),
					hosttest.WithFile("/etc/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/local/bin/kubelet --config="+config+"\n"))
				for _, do := range []host.UnitAction{host.Reload, host.Start} {
					if err := h.Unit(t.Context(), "kubelet.service", do); err != nil {
						t.Fatal(err)
					}
				}
				h.Cluster().Report(hosttest.RealKubelets)
				time.Sleep(time.Minute)
				m := Module{Name: "w"}
				if err := tt.change(h); err != nil {
					t.Fatal(err)
				}
				if d, err := m.Check(t.Context(), h); err == nil && len(d) > 0 {
					t.Fatalf("right after it the check found %v", d)
				}
				began := time.Now()
				err := m.Confirm(t.Context(), h)
				if took := time.Since(began); took < tt.least || took > tt.max+time.Second {
					t.Errorf("it took %v, want %v to %v", took, tt.least, tt.max)
				}
				if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
			})
		})
	}
}
