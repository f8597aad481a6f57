package hostcheck_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/modules/preflight/hostcheck"
)

func TestHostProbe(t *testing.T) {
	facts := func(edit func(*host.Facts)) hosttest.Option { return hosttest.WithFacts(edit) }
	unit := func(path, text string) hosttest.Option { return hosttest.WithFile(path, text) }
	record := func(id, name string) hosttest.Option {
		return hosttest.WithFile("/var/lib/pmkctl/record.json", fmt.Sprintf(`{"version":1,"cluster":{"id":%q,"name":%q}}`, id, name))
	}
	const theirs = "[Unit]\nDescription=kubelet\n[Service]\nExecStart=/usr/bin/kubelet\n"
	const ours = "[Unit]\nX-Pmkctl-Inputs=00\nDescription=kubelet\n[Service]\nExecStart=/usr/local/bin/kubelet\n"
	tests := []struct {
		name string
		opts []hosttest.Option
		edit func(p *hostcheck.Probe)
		want string
	}{
		{"bare", nil, nil, ""},
		{"arm64 and udp", []hosttest.Option{facts(func(f *host.Facts) { f.Arch = "arm64" })}, nil,
			"PF001 error the processor is arm64; expected amd64 for the udp backend\n"},
		{"arm64 and vxlan", []hosttest.Option{facts(func(f *host.Facts) { f.Arch = "arm64" })},
			func(p *hostcheck.Probe) { p.Backend = "vxlan" }, ""},
		{"no systemd, no root", []hosttest.Option{facts(func(f *host.Facts) { f.Systemd, f.Root = "", false })}, nil,
			"PF002 error systemd is not process 1; expected systemd\nPF003 error the agent does not run as root; expected root\n"},
		{"cgroup v1", []hosttest.Option{facts(func(f *host.Facts) { f.CgroupV2 = false })}, nil,
			"PF004 error the host has cgroup v1; expected cgroup v2\n"},
		{"cgroup v1 allowed", []hosttest.Option{facts(func(f *host.Facts) { f.CgroupV2 = false })},
			func(p *hostcheck.Probe) { p.FailCgroupV1 = false }, "PF004 warning the host has cgroup v1; expected cgroup v2\n"},
		{"swap", []hosttest.Option{facts(func(f *host.Facts) { f.Swaps = []string{"/dev/sda2"} })}, nil,
			"PF005 error swap is on: /dev/sda2; expected no swap\n"},
		{"swap allowed", []hosttest.Option{facts(func(f *host.Facts) { f.Swaps = []string{"/dev/sda2"} })},
			func(p *hostcheck.Probe) { p.FailSwapOn = false }, ""},
		{"kernel", []hosttest.Option{hosttest.WithFeatures(host.KernelFeature{Name: "tun"})}, nil,
			"PF006 error the kernel 6.1.0-28-amd64 lacks tun; expected overlay, br_netfilter, tun\n"},
		{"programs", []hosttest.Option{hosttest.WithoutPrograms("nsenter", "iptables")}, nil,
			"PF007 error missing: nsenter, iptables; expected mount, ip, nsenter, iptables, modprobe\n"},
		{"disk", []hosttest.Option{facts(func(f *host.Facts) { f.Disks[1].Free = 100 << 20 })}, nil,
			"PF008 error /var has 100 MiB free; expected at least 2.0 GiB\n"},
		{"disk of a member", []hosttest.Option{facts(func(f *host.Facts) { f.Disks[1].Free = 100 << 20 }), record("1", "main")}, nil,
			"PF008 warning /var has 100 MiB free; expected at least 2.0 GiB\n"},
		{"memory", []hosttest.Option{facts(func(f *host.Facts) { f.Memory = 512 << 20 })}, nil,
			"PF009 error the host has 512 MiB of memory; expected at least 1.0 GiB\n"},
		{"a packaged kubelet", []hosttest.Option{unit("/usr/lib/systemd/system/kubelet.service", theirs)}, nil,
			"PF010 error kubelet.service is there (/usr/lib/systemd/system/kubelet.service, inactive); expected none, or pmkctl's own\n"},
		{"a kubelet made by hand", []hosttest.Option{unit("/etc/systemd/system/kubelet.service", theirs)}, nil,
			"PF010 error kubelet.service is there (/etc/systemd/system/kubelet.service, inactive); expected none, or pmkctl's own\n"},
		{"our kubelet", []hosttest.Option{unit("/etc/systemd/system/kubelet.service", ours)}, nil, ""},
		{"k3s", []hosttest.Option{unit("/etc/systemd/system/k3s.service", theirs), hosttest.WithFile("/etc/rancher/k3s/config.yaml", "")}, nil,
			"PF011 error found k3s.service, /etc/rancher/k3s; expected none\n"},
		{"kubeadm", []hosttest.Option{hosttest.WithFile("/etc/kubernetes/manifests/etcd.yaml", ""), hosttest.WithFile("/etc/kubernetes/admin.conf", "")}, nil,
			"PF011 error found /etc/kubernetes/admin.conf, /etc/kubernetes/manifests (etcd.yaml); expected none\n"},
		{"static pods of a member", []hosttest.Option{hosttest.WithFile("/etc/kubernetes/manifests/mine.yaml", ""), record("1", "main")}, nil, ""},
		{"another cluster", []hosttest.Option{record("2", "other")}, nil,
			"PF012 error the host belongs to the cluster \"other\"; expected \"main\", or none\n"},
		{"another cluster of the name", []hosttest.Option{record("2", "main")}, nil,
			"PF012 error the host belongs to another cluster of the name \"main\", with the id 2; expected the id 1\n"},
		{"a broken record", []hosttest.Option{hosttest.WithFile("/var/lib/pmkctl/record.json", "{")}, nil,
			"PF012 error /var/lib/pmkctl/record.json cannot be read: unexpected end of JSON input; expected \n"},
		{"a run that was cut off before the host was a member",
			[]hosttest.Option{hosttest.WithFile("/var/lib/pmkctl/record.json", `{"version":1,"cluster":{"id":"","name":""},"host":""}`)}, nil, ""},
		{"an old kernel", []hosttest.Option{facts(func(f *host.Facts) { f.Kernel = "5.10.0-8-amd64" })},
			func(p *hostcheck.Probe) { p.ProxyMode = "nftables" },
			"PF013 error the kernel is 5.10.0-8-amd64; expected 5.13 or newer for kube-proxy's nftables mode\n"},
		{"ignored", []hosttest.Option{facts(func(f *host.Facts) { f.Swaps = []string{"/dev/sda2"} })},
			func(p *hostcheck.Probe) { p.Levels = preflight.Levels{"PF005": preflight.Ignored} }, "PF005 ignored swap is on: /dev/sda2; expected no swap\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hosttest.New("worker-1", tt.opts...)
			if err := h.Admin().Unit(t.Context(), "", host.Reload); err != nil {
				t.Fatal(err)
			}
			p := hostcheck.Probe{Name: "worker-1", Cluster: "main", ClusterID: "1", Backend: "udp", Features: []string{"overlay", "br_netfilter", "tun"},
				FailSwapOn: true, FailCgroupV1: true, MinFreeDisk: 2 << 30, MinMemory: 1 << 30}
			if tt.edit != nil {
				tt.edit(&p)
			}
			found, err := p.Probe(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, f := range found {
				fmt.Fprintf(&got, "%s %s %s; expected %s\n", f.ID, f.Level, f.Found, f.Expected)
			}
			if d := cmp.Diff(tt.want, got.String()); d != "" {
				t.Errorf("findings, want - got +:\n%s", d)
			}
			if n := len(h.Log()); n > 0 {
				t.Errorf("it made %d changes", n)
			}
		})
	}
}
