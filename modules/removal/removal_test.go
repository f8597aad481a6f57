package removal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/containerd"
	"github.com/pmkctl/pmkctl/modules/etcd"
	"github.com/pmkctl/pmkctl/modules/flannel"
	"github.com/pmkctl/pmkctl/modules/kubelet"
	"github.com/pmkctl/pmkctl/modules/kubeproxy"
	"github.com/pmkctl/pmkctl/modules/moduletest"
	"github.com/pmkctl/pmkctl/state"
)

// ours is a unit file of pmkctl's for a program.
func ours(program string) string {
	return "[Unit]\nX-Pmkctl-Inputs=00\n\n[Service]\nExecStart=/usr/local/bin/" + program + "\n\n[Install]\nWantedBy=multi-user.target\n"
}

const (
	vendor = "[Unit]\nDescription=etcd of the vendor\n\n[Service]\nExecStart=/usr/local/bin/etcd\n\n[Install]\nWantedBy=multi-user.target\n"
	kept   = state.OriginalDir
)

var (
	services  = []string{"containerd", "etcd", "flanneld", "kube-proxy", "kubelet"}
	podVolume = host.Mount{Path: "/var/lib/kubelet/pods/1/volumes/kubernetes.io~projected/token", Type: "tmpfs", Source: "tmpfs"}
	podRoot   = host.Mount{Path: "/run/containerd/io.containerd.runtime.v2.task/k8s.io/1/rootfs", Type: "overlay", Source: "overlay"}
	podNet    = host.Mount{Path: "/run/netns/cni-1", Type: "nsfs", Source: "nsfs"}
	theirDisk = host.Mount{Path: "/var/lib/kubelet", Type: "ext4", Source: "/dev/sdb"}
	shim      = host.PodProcess{PID: 71, Name: "containerd-shim", Shim: true}
	container = host.PodProcess{PID: 72, Name: "coredns"}
)

// footprints are those of the services of these tests.
var footprints = modules.Footprints{etcd.Etcd{}.Service().Footprint(), containerd.Containerd{}.Service().Footprint(), kubelet.Kubelet{}.Service().Footprint(),
	flannel.Flannel{}.Service().Footprint(), kubeproxy.Proxy{}.Service().Footprint()}

func unitOf(name string) map[string]state.Owned {
	return map[string]state.Owned{name: {Kind: change.Unit}}
}

func record() *state.Record {
	owns := map[string]state.Owned{
		"etcd": {Kind: change.Account}, "/etc/cni": {Kind: change.Directory}, "/etc/cni/net.d": {Kind: change.Directory},
		"/var/lib/kubelet": {Kind: change.Directory}, "/var/lib/kubelet/config.yaml": {Kind: change.Text}, "/etc/hosts": {Kind: change.Text, Original: kept + "/etc/hosts"},
		state.InventoryPath: {Kind: change.Text}, "registry.k8s.io/pause:3.10.2": {Kind: change.Image},
	}
	for _, s := range services {
		owns[s+".service"] = state.Owned{Kind: change.Unit}
		owns[change.UnitFile(s+".service")] = state.Owned{Kind: change.Text, SHA256: digest(ours(s))}
	}
	return &state.Record{Owns: owns}
}

func stop(r *state.Record) Stop { return Stop{Record: r, Footprints: footprints} }

func clean(r *state.Record) Clean { return Clean{Record: r, Footprints: footprints} }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// must does things on a host's console.
func must(errs ...error) {
	for _, err := range errs {
		if err != nil {
			panic(err)
		}
	}
}

func file(h *hosttest.Host, p, content string) {
	must(h.MakeDir(context.Background(), host.DirSpec{Path: p[:strings.LastIndex(p, "/")], Mode: 0o755}),
		h.WriteFile(context.Background(), host.FileSpec{Path: p, Mode: 0o644, Content: []byte(content)}))
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
		"/var/log/pods/kube-system_coredns_1/coredns/0.log", "/run/flannel/subnet.env", "/etc/cni/net.d/10-flannel.conflist", "/run/netns/cni-1"} {
		file(h, p, "x\n")
	}
	file(h, state.RecordPath, "{}")
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
	m := stop(record())
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
	want := []string{"kubelet", "KillPods", "kube-proxy", "flanneld", "etcd", "containerd", "Unmount", "Unmount", "Unmount", slice}
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
	file(h.Admin(), change.UnitFile("etcd.service"), vendor)
	hosttest.WithPrograms("etcd")(h.Admin())
	for _, do := range []host.UnitAction{host.Enable, host.Reload, host.Start} {
		must(h.Unit(t.Context(), "etcd.service", do))
	}
	hosttest.WithPods(shim, container)(h.Admin())
	hosttest.WithMounts(podVolume)(h.Admin())
	d, err := stop(&state.Record{Owns: unitOf("etcd.service")}).Check(t.Context(), h)
	if err != nil || len(d) > 0 {
		t.Errorf("got %v, %v", d, err)
	}
}

// TestOtherContainers: those of podman and docker on a node go on.
func TestOtherContainers(t *testing.T) {
	others := []host.Mount{{Path: "/run/containerd/io.containerd.runtime.v2.task/moby/1/rootfs", Type: "overlay"}, podNet}
	r := record()
	r.Network = []string{"CNI-"}
	h := hosttest.New("a", hosttest.WithMounts(others...), hosttest.WithFile(podNet.Path, ""))
	d, err := stop(r).Check(t.Context(), h)
	if err != nil || len(d) > 0 {
		t.Errorf("got %v, %v", d, err)
	}
	d, err = clean(r).Check(t.Context(), h)
	if err != nil || d.Touches(netns) {
		t.Errorf("got %v, %v", d, err)
	}
	used := func(name string) bool {
		return othersUseCNI(&state.Record{Stood: state.Stood{Places: map[string][]string{netns: {name}}}})
	}
	if !used("cni-7") || used("theirs") {
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
	r := record()
	r.Cluster.Immutable = map[string]string{"pod_cidr": "10.244.0.0/16"}
	r.Settings = map[string]string{"kernel.panic": "0", "vm.overcommit_memory": "0"}
	m := clean(r)
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
		if strings.Contains(before, line) || strings.Contains(line, "/usr/local/bin/") || strings.Contains(line, state.Dir) || strings.Contains(line, " docker0") || strings.Contains(line, "veth1234567") ||
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
	m := stop(record())
	d, err := m.Check(context.Background(), h)
	must(err, m.Apply(context.Background(), h, d))
}

// TestCleanLeavesOthers: nothing that was there before goes.
func TestCleanLeavesOthers(t *testing.T) {
	h := hosttest.New("a")
	theirs := []string{"/var/log/pods/theirs/0.log", "/opt/containerd/bin/theirs", "/etc/cni/net.d/10-flannel.conflist", "/etc/cni/net.d/99-theirs.conf", "/run/netns/theirs"}
	for _, p := range theirs {
		file(h.Admin(), p, "theirs\n")
	}
	before := map[string][]string{"/var/log/pods": {"theirs"}, "/opt/containerd": {"bin"}, "/etc/cni/net.d/10-flannel.conflist": {}, "/run/netns": {"theirs"}}
	file(h.Admin(), "/var/log/pods/ours/0.log", "x\n")
	file(h.Admin(), "/run/netns/cni-1", "")
	file(h.Admin(), "/var/lib/cni/x", "x\n")
	m := clean(&state.Record{Owns: map[string]state.Owned{"/etc/cni/net.d": {Kind: change.Directory}}, Stood: state.Stood{Places: before}})
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
	step := address.MustParse("etcd.cp-1")
	m := clean(&state.Record{Owns: map[string]state.Owned{
		"/srv/k8s":      {Kind: change.Directory, Step: step}, // made on the way
		"/srv/k8s/etcd": {Kind: change.Directory, Step: step, Want: "0700 etcd:etcd"},
		"/var/lib/etcd": {Kind: change.Directory, Step: step, Want: "0700 etcd:etcd"},
	}})
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
	m := clean(&state.Record{Owns: unitOf("x.service")})
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
		if got := matches(p, footprints.Mounts()); got != want {
			t.Errorf("%s: got %t, want %t", p, got, want)
		}
	}
}

// TestCleanSaysWhatFails names the tree.
func TestCleanSaysWhatFails(t *testing.T) {
	h := hosttest.New("a")
	file(h.Admin(), "/var/lib/cni/x", "x\n")
	m := clean(&state.Record{Owns: unitOf("x.service")})
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

// TestNetworkStays: what others made before is not removed.
func TestNetworkStays(t *testing.T) {
	h := hosttest.New("a", hosttest.WithNetwork(network()),
		hosttest.WithFilters(host.Filter{Kind: "nftables", Family: "ip", Table: "kube-proxy", Whole: true}, host.Filter{Kind: "nftables", Family: "ip", Table: "nat", Chains: 3}))
	m := clean(&state.Record{Owns: unitOf("x.service"), Stood: state.Stood{Network: []string{"cni0", "flannel.1", "kube-proxy"}}})
	d, err := m.Check(t.Context(), h)
	if err != nil || len(d) != 1 || d[0].Item != filtersItem || strings.Contains(d[0].Why, "kube-proxy") {
		t.Errorf("got %v, %v", d, err)
	}
}

// TestDirectories: etcd's data is where its step made directories of the
// spec's own.
func TestDirectories(t *testing.T) {
	step := address.MustParse("etcd.cp-1")
	r := &state.Record{Owns: map[string]state.Owned{
		"/srv/a":    {Kind: change.Directory, Step: step}, // made on the way
		"/srv/a/x":  {Kind: change.Directory, Step: step, Want: "0700 etcd:etcd"},
		"/etc/etcd": {Kind: change.Directory, Step: step, Want: "0755 root:root"},
		"/srv/disk": {Kind: change.Directory, Step: step, Original: "0755 root:root"},
		"/srv/b":    {Kind: change.Directory, Step: address.MustParse("kubelet.cp-1"), Want: "0700 root:root"},
	}}
	if got := directories(r, "etcd"); !slices.Equal(got, []string{"/srv/a/x"}) {
		t.Errorf("got %v", got)
	}
}
