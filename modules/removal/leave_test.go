package removal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

// ours is a unit file of pmkctl's for a program.
func ours(program string) string {
	return "[Unit]\nX-Pmkctl-Inputs=00\n\n[Service]\nExecStart=/usr/local/bin/" + program + "\n\n[Install]\nWantedBy=multi-user.target\n"
}

var (
	services  = []string{"containerd", "etcd", "flanneld", "kube-proxy", "kubelet"}
	podVolume = host.Mount{Path: "/var/lib/kubelet/pods/1/volumes/kubernetes.io~projected/token", Type: "tmpfs", Source: "tmpfs"}
	podRoot   = host.Mount{Path: "/run/containerd/io.containerd.runtime.v2.task/k8s.io/1/rootfs", Type: "overlay", Source: "overlay"}
	podNet    = host.Mount{Path: "/run/netns/cni-1", Type: "nsfs", Source: "nsfs"}
	theirDisk = host.Mount{Path: "/var/lib/kubelet", Type: "ext4", Source: "/dev/sdb"}
	shim      = host.PodProcess{PID: 71, Name: "containerd-shim", Shim: true}
	container = host.PodProcess{PID: 72, Name: "coredns"}
)

func owns() (list []Owned) {
	for _, s := range services {
		list = append(list, Owned{Item: s + ".service", Kind: change.Unit}, text(change.UnitFile(s+".service"), ours(s), ""))
	}
	return append(list, Owned{Item: "etcd", Kind: change.Account}, Owned{Item: "/etc/cni", Kind: change.Directory}, Owned{Item: "/etc/cni/net.d", Kind: change.Directory},
		Owned{Item: "/var/lib/kubelet", Kind: change.Directory}, Owned{Item: "/var/lib/kubelet/config.yaml", Kind: change.Text}, Owned{Item: "/etc/hosts", Kind: change.Text, Original: kept + "/etc/hosts"},
		Owned{Item: ownDir + "/inventory.json", Kind: change.Text}, Owned{Item: "registry.k8s.io/pause:3.10.2", Kind: change.Image})
}

// node is a host of a cluster.
func node(h *hosttest.Host) {
	for _, s := range services {
		hosttest.WithPrograms(s)(h)
		file(h, change.UnitFile(s+".service"), ours(s))
	}
	for _, s := range services {
		must(h.Unit(context.Background(), s+".service", host.Enable))
	}
	must(h.Unit(context.Background(), "", host.Reload))
	for _, s := range services {
		must(h.Unit(context.Background(), s+".service", host.Start))
	}
	hosttest.WithMounts(podVolume, podRoot, podNet)(h)
	hosttest.WithPods(shim, container)(h)
	remains(h)
}

// remains are what is there once all is stopped.
func remains(h *hosttest.Host) {
	hosttest.WithUsers("etcd")(h)
	for _, p := range []string{"/var/lib/kubelet/config.yaml", "/var/lib/kubelet/pki/x.pem", "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db",
		"/var/log/pods/kube-system_coredns_1/coredns/0.log", "/run/flannel/subnet.env", "/etc/cni/net.d/10-flannel.conflist", "/run/netns/cni-1", ownDir + "/record.json"} {
		file(h, p, "x\n")
	}
	file(h, kept+"/etc/hosts", "before\n")
	n := network()
	hosttest.WithNetwork(n)(h)
	hosttest.WithFilters(host.Filter{Kind: "nftables", Family: "ip", Table: "nat", Chains: 41}, host.Filter{Kind: "nftables", Family: "ip", Table: "kube-proxy", Whole: true})(h)
}

func network() host.Network {
	return host.Network{
		Links: []host.NetLink{{Name: "eth0", Type: "device"}, {Name: "flannel.1", Type: "vxlan"}, {Name: "cni0", Type: "bridge"},
			{Name: "veth12ab34cd", Type: "veth", Master: "cni0"}, {Name: "veth1234567", Type: "veth", Master: "docker0"}, {Name: "docker0", Type: "bridge"}},
		Routes: []host.NetRoute{{Dst: "0.0.0.0/0", Via: "192.0.2.1", Dev: "eth0"}, {Dst: "10.244.1.0/24", Via: "192.0.2.12", Dev: "eth0"},
			{Dst: "10.244.0.0/24", Dev: "cni0"}, {Dst: "10.9.0.0/24", Via: "192.0.2.13", Dev: "eth0"}},
	}
}

func TestStop(t *testing.T) {
	m := Stop{Owns: owns()}
	moduletest.Converges(t, m, moduletest.Prepare(node), moduletest.Goldens(""), moduletest.NoReboot(), moduletest.Removes())

	h := hosttest.New("a")
	node(h.Admin())
	hosttest.WithMounts(theirDisk)(h.Admin())
	converge(t, h, m)
	var stopped []string
	for _, e := range h.Log() {
		if name, ok := strings.CutPrefix(e.Item, "stop "); ok {
			stopped = append(stopped, strings.TrimSuffix(name, ".service"))
		} else if e.Method == "KillPods" || e.Method == "Unmount" {
			stopped = append(stopped, e.Method)
		}
	}
	want := []string{"kubelet", "KillPods", "kube-proxy", "flanneld", "etcd", "containerd", "Unmount", "Unmount", "Unmount"}
	if !slices.Equal(stopped, want) {
		t.Errorf("got %v, want %v", stopped, want)
	}
	if mounts, _ := h.Mounts(t.Context()); !slices.Equal(mounts, []host.Mount{theirDisk}) {
		t.Errorf("mounts are left: %v", mounts)
	}
}

// TestStopLeavesOthers: a service of the same name that is not pmkctl's, and
// pods where pmkctl has no kubelet.
func TestStopLeavesOthers(t *testing.T) {
	h := hosttest.New("a")
	file(h.Admin(), change.UnitFile("etcd.service"), strings.ReplaceAll(vendor, "bin/x", "bin/etcd"))
	hosttest.WithPrograms("etcd")(h.Admin())
	for _, do := range []host.UnitAction{host.Enable, host.Reload, host.Start} {
		must(h.Unit(t.Context(), "etcd.service", do))
	}
	hosttest.WithPods(shim, container)(h.Admin())
	hosttest.WithMounts(podVolume)(h.Admin())
	d, err := Stop{Owns: []Owned{{Item: "etcd.service", Kind: change.Unit}}}.Check(t.Context(), h)
	if err != nil || len(d) > 0 {
		t.Errorf("got %v, %v", d, err)
	}
}

// TestOtherContainers: those of podman and docker on a node go on.
func TestOtherContainers(t *testing.T) {
	others := []host.Mount{{Path: "/run/containerd/io.containerd.runtime.v2.task/moby/1/rootfs", Type: "overlay"}, podNet}
	c := Clean{Owns: owns(), Network: []string{"CNI-"}}
	h := hosttest.New("a", hosttest.WithMounts(others...), hosttest.WithFile(podNet.Path, ""))
	d, err := Stop{Owns: owns(), Others: c.Others()}.Check(t.Context(), h)
	if err != nil || len(d) > 0 {
		t.Errorf("got %v, %v", d, err)
	}
	d, err = c.Check(t.Context(), h)
	if err != nil || d.Touches(netns) {
		t.Errorf("got %v, %v", d, err)
	}
	if !(Clean{Before: map[string][]string{netns: {"cni-7"}}}).Others() || (Clean{Before: map[string][]string{netns: {"theirs"}}}).Others() {
		t.Error("it is not told who uses CNI")
	}
}

func converge(t *testing.T, h *hosttest.Host, m modules.Module) change.Diff {
	t.Helper()
	h.ClearLog()
	d, err := m.Check(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(t.Context(), h, d); err != nil {
		t.Fatal(err)
	}
	if left, err := m.Check(t.Context(), h); err != nil || len(left) > 0 {
		t.Fatalf("left are %v, %v", left, err)
	}
	return d
}

func TestClean(t *testing.T) {
	m := Clean{Owns: owns(), PodCIDR: "10.244.0.0/16", Settings: map[string]string{"kernel.panic": "0", "vm.overcommit_memory": "0"}}
	stopped := func(h *hosttest.Host) {
		node(h)
		halt(h)
		must(h.SetSysctl(context.Background(), "kernel.panic", "10"), h.SetSysctl(context.Background(), "vm.overcommit_memory", "2")) // the second by somebody else
	}
	moduletest.Converges(t, m, moduletest.Prepare(stopped), moduletest.Goldens(""), moduletest.NoReboot(), moduletest.Removes())

	h := hosttest.New("a")
	before := h.Snapshot()
	stopped(h.Admin())
	d := converge(t, h, m)
	if d.Action() != change.Remove {
		t.Errorf("the diff is no removal: %v", d)
	}
	for line := range strings.Lines(h.Snapshot()) {
		// What is no test of Clean: programs that node made without owning them, docker's interfaces.
		if strings.Contains(before, line) || strings.Contains(line, "/usr/local/bin/") || strings.Contains(line, ownDir) || strings.Contains(line, " docker0") || strings.Contains(line, "veth1234567") ||
			strings.HasPrefix(line, "file /etc/hosts ") || line == "sysctl vm.overcommit_memory=2\n" || slices.Contains([]string{"/var/log/pods"}, line) {
			continue
		}
		t.Errorf("left is %s", line)
	}
	if got := string(h.Peek("/etc/hosts")); got != "before\n" {
		t.Errorf("/etc/hosts is %q", got)
	}
	n, err := h.Network(t.Context())
	if err != nil || len(n.Links) != 3 || len(n.Routes) != 2 {
		t.Errorf("the network is %v, %v", n, err)
	}
}

func halt(h *hosttest.Host) {
	d, err := Stop{Owns: owns()}.Check(context.Background(), h)
	must(err, Stop{Owns: owns()}.Apply(context.Background(), h, d))
}

// TestCleanLeavesOthers: nothing that was there before goes.
func TestCleanLeavesOthers(t *testing.T) {
	h := hosttest.New("a")
	theirs := []string{"/var/log/pods/theirs/0.log", "/opt/containerd/bin/theirs", "/etc/cni/net.d/10-flannel.conflist", "/etc/cni/net.d/99-theirs.conf", "/run/netns/theirs"}
	for _, p := range theirs {
		file(h.Admin(), p, "theirs\n")
	}
	stood, err := h.Files(t.Context(), PlaceQueries())
	must(err)
	file(h.Admin(), "/var/log/pods/ours/0.log", "x\n")
	file(h.Admin(), "/run/netns/cni-1", "")
	file(h.Admin(), "/var/lib/cni/x", "x\n")
	m := Clean{Owns: []Owned{{Item: "/etc/cni/net.d", Kind: change.Directory}}, Before: Stood(stood)}
	d := converge(t, h, m)
	var items []string
	for _, c := range d {
		items = append(items, c.Item)
	}
	if want := []string{"/run/netns", "/var/lib/cni", "/var/log/pods"}; !slices.Equal(items, want) {
		t.Errorf("got %v, want %v", items, want)
	}
	for _, p := range theirs {
		if string(h.Peek(p)) != "theirs\n" {
			t.Errorf("%s is gone", p)
		}
	}
	for _, p := range []string{"/var/log/pods/ours/0.log", "/var/lib/cni/x", "/run/netns/cni-1"} {
		if h.Peek(p) != nil {
			t.Errorf("%s is left", p)
		}
	}
}

// TestCleanLeavesWhatCameLater: files of others in directories that came with
// the cluster.
func TestCleanLeavesWhatCameLater(t *testing.T) {
	h := hosttest.New("a")
	theirs := []string{"/opt/containerd/bin/theirs", "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/x~y/y", "/var/lib/etcd/backup/snapshot.db",
		"/srv/k8s/volumes/data", "/srv/k8s/etcd/snapshot.db"}
	ours := []string{"/var/lib/etcd/member/wal/0", "/srv/k8s/etcd/member/wal/0"}
	for _, p := range append(slices.Clone(ours), theirs...) {
		file(h.Admin(), p, "x\n")
	}
	m := Clean{Data: []string{"/srv/k8s/etcd"}}
	for _, p := range []string{"/srv/k8s", "/srv/k8s/etcd", "/var/lib/etcd"} {
		m.Owns = append(m.Owns, Owned{Item: p, Kind: change.Directory})
	}
	converge(t, h, m)
	for _, p := range theirs {
		if h.Peek(p) == nil {
			t.Errorf("%s is gone", p)
		}
	}
	for _, p := range ours {
		if h.Peek(p) != nil {
			t.Errorf("%s is left", p)
		}
	}
}

// TestCleanRefusesMounts: what is still mounted is not emptied.
func TestCleanRefusesMounts(t *testing.T) {
	h := hosttest.New("a", hosttest.WithMounts(podVolume))
	file(h.Admin(), podVolume.Path+"/data", "x\n")
	m := Clean{Owns: []Owned{{Item: "x.service", Kind: change.Unit}}}
	d, err := m.Check(t.Context(), h)
	must(err)
	if err := m.Apply(t.Context(), h, d); err == nil || !strings.Contains(err.Error(), "mounted") {
		t.Errorf("got %v", err)
	}
	if h.Peek(podVolume.Path+"/data") == nil {
		t.Error("data is gone")
	}
}

func TestIsPodMount(t *testing.T) {
	for p, want := range map[string]bool{
		podVolume.Path: true, podRoot.Path: true, podNet.Path: true,
		"/var/lib/kubelet/plugins/kubernetes.io/csi/pv/x/globalmount": true,
		"/var/lib/containerd/tmpmounts/containerd-mount1":             true,
		"/run/containerd/io.containerd.grpc.v1.cri/sandboxes/1/shm":   true,
		"/var/lib/kubelet":        false,
		"/var/lib/kubelet/pods":   false,
		"/var/lib/kubelet/pods/1": false,
		"/var/lib/containerd":     false,
		"/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots": false,
		"/run/containerd": false, "/run/netns": false, "/run/netns/theirs": false, "/srv/data": false, "/": false,
	} {
		if got := isPodMount(p); got != want {
			t.Errorf("%s: got %t, want %t", p, got, want)
		}
	}
}

// TestCleanSaysWhatFails names the tree.
func TestCleanSaysWhatFails(t *testing.T) {
	h := hosttest.New("a")
	file(h.Admin(), "/var/lib/cni/x", "x\n")
	m := Clean{Owns: []Owned{{Item: "x.service", Kind: change.Unit}}}
	d, err := m.Check(t.Context(), h)
	must(err)
	full := errors.New("remove /var/lib/cni/x: operation not permitted")
	h.FailOn(func(method, _ string) error {
		if method == "RemoveTree" {
			return full
		}
		return nil
	})
	if err := m.Apply(t.Context(), h, d); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

// TestNetworks: what others made before is not removed.
func TestNetworks(t *testing.T) {
	h := hosttest.New("a", hosttest.WithNetwork(network()), hosttest.WithFilters(host.Filter{Kind: "nftables", Family: "ip", Table: "kube-proxy", Whole: true}))
	names, err := Networks(t.Context(), h)
	if err != nil || !slices.Equal(names, []string{"cni0", "flannel.1", "kube-proxy"}) {
		t.Errorf("got %v, %v", names, err)
	}
	hosttest.WithFilters(host.Filter{Kind: "nftables", Family: "ip", Table: "nat", Chains: 3})(h.Admin())
	d, err := Clean{Owns: []Owned{{Item: "x.service", Kind: change.Unit}}, Network: names}.Check(t.Context(), h)
	if err != nil || len(d) != 1 || d[0].Item != filtersItem || strings.Contains(d[0].Why, "kube-proxy") {
		t.Errorf("got %v, %v", d, err)
	}
}
