package oshost_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/oshost"
)

// apart runs a test once more in namespaces of its own, where it may kill and
// mount. It reports whether this is that run.
func apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv("PMKCTL_TEST_APART") == t.Name() {
		must(t, unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
		must(t, unix.Mount("proc", "/proc", "proc", 0, ""))
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("needs root: it mounts")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), "PMKCTL_TEST_APART="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EPERM) {
		t.Skip(err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestKillPods has two shims whose containers end in different ways, a shim
// of another namespace of containerd, and a process that is unrelated to
// them.
func TestKillPods(t *testing.T) {
	if !apart(t) {
		return
	}
	start := func(name, script string, args ...string) *exec.Cmd {
		cmd := &exec.Cmd{Path: "/bin/sh", Args: append([]string{name, "-c", script}, args...)}
		must(t, cmd.Start())
		go cmd.Wait() // process 1 reaps
		return cmd
	}
	const shim = "/usr/local/bin/containerd-shim-runc-v2"
	start(shim, "sleep 1001 & wait", "-namespace", "k8s.io", "-id", "1")
	start(shim, "sh -c 'trap : TERM; while :; do sleep 1; done' & wait", "-namespace", "k8s.io", "-id", "2")
	moby := start(shim, "sleep 1002 & wait", "-namespace", "moby", "-id", "3")
	other := start("sh", "sleep 1003 & wait", "-namespace", "k8s.io")

	h := oshost.New(oshost.Options{StateDir: t.TempDir()})
	var pods []host.PodProcess
	for range 100 {
		var err error
		pods, err = h.Pods(t.Context())
		must(t, err)
		if len(pods) >= 5 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	shims := 0
	for _, p := range pods {
		if p.Shim {
			shims++
		}
	}
	if len(pods) < 5 || shims != 2 { // two shims, sleep, sh, and its sleep
		t.Fatalf("got %+v", pods)
	}
	begin := time.Now()
	must(t, h.KillPods(t.Context(), 500*time.Millisecond))
	if took := time.Since(begin); took < 500*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if pods, err := h.Pods(t.Context()); err != nil || len(pods) > 0 {
		t.Errorf("remaining: %+v, %v", pods, err)
	}
	for _, cmd := range []*exec.Cmd{moby, other} {
		if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("%v: %v", cmd.Args, err)
		}
	}
	must(t, h.KillPods(t.Context(), time.Hour)) // no process to wait for
}

func TestUnmount(t *testing.T) {
	if !apart(t) {
		return
	}
	h := oshost.New(oshost.Options{StateDir: t.TempDir()})
	dir := filepath.Join(t.TempDir(), "a b")
	must(t, os.Mkdir(dir, 0o755))
	must(t, unix.Mount("lower", dir, "tmpfs", 0, ""))
	must(t, unix.Mount("upper", dir, "tmpfs", 0, ""))
	mounts := func() (sources []string) {
		list, err := h.Mounts(t.Context())
		must(t, err)
		for _, m := range list {
			if m.Path == dir {
				sources = append(sources, m.Source)
			}
		}
		return sources
	}
	if got := mounts(); !slices.Equal(got, []string{"lower", "upper"}) {
		t.Errorf("got %q", got)
	}
	must(t, h.Unmount(t.Context(), dir))
	if got := mounts(); !slices.Equal(got, []string{"lower"}) {
		t.Errorf("got %q", got)
	}
	busy, err := os.Create(filepath.Join(dir, "x"))
	must(t, err)
	time.AfterFunc(300*time.Millisecond, func() { busy.Close() })
	must(t, h.Unmount(t.Context(), dir))
	if got := mounts(); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	must(t, h.Unmount(t.Context(), dir)) // nothing is mounted there
	must(t, h.Unmount(t.Context(), dir+"/nowhere"))

	must(t, unix.Mount("used", dir, "tmpfs", 0, ""))
	used, err := os.Create(filepath.Join(dir, "x"))
	must(t, err)
	defer used.Close()
	must(t, h.Unmount(t.Context(), dir)) // for good
	if got := mounts(); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	if h.Unmount(t.Context(), "/") == nil || h.Unmount(t.Context(), "x") == nil {
		t.Error("took what is no mount point")
	}
}

// tree makes files below a directory, and files outside of it that must
// survive.
func tree(t *testing.T) (dir, outside string) {
	t.Helper()
	top := t.TempDir()
	dir, outside = filepath.Join(top, "tree"), filepath.Join(top, "outside")
	for _, p := range []string{dir + "/a/b/c", dir + "/d", outside} {
		must(t, os.MkdirAll(p, 0o755))
	}
	for _, p := range []string{dir + "/x", dir + "/a/x", dir + "/a/b/c/x", dir + "/d/x", outside + "/x"} {
		must(t, os.WriteFile(p, make([]byte, 10000), 0o400))
	}
	must(t, os.Symlink(outside, dir+"/a/link"))
	must(t, os.Symlink("/nowhere", dir+"/dangling"))
	must(t, unix.Mkfifo(dir+"/fifo", 0o600))
	return dir, outside
}

func deleted(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err != nil
}

func TestRemoveTree(t *testing.T) {
	h := oshost.New(oshost.Options{StateDir: t.TempDir()})
	ctx := t.Context()
	dir, outside := tree(t)
	trees, err := h.Trees(ctx, []string{dir, "/nowhere", dir + "/x"})
	must(t, err)
	if trees[0].Files != 7 || trees[0].Bytes < 40000 || trees[1].Files != 0 || trees[2].Files != 1 {
		t.Errorf("got %+v", trees)
	}

	for name, spec := range map[string]host.TreeSpec{
		"outside":     {Path: outside, Within: []string{dir}},
		"nothing":     {Path: dir},
		"alike":       {Path: dir + "2", Within: []string{dir}},
		"a way out":   {Path: dir + "/../outside", Within: []string{dir}},
		"relative":    {Path: "tree", Within: []string{"tree"}},
		"the root":    {Path: "/", Within: []string{"/"}},
		"of a system": {Path: "/usr", Within: []string{"/usr"}},
	} {
		if err := h.RemoveTree(ctx, spec); err == nil {
			t.Errorf("%s was not refused", name)
		}
	}
	must(t, h.RemoveTree(ctx, host.TreeSpec{Path: dir, Within: []string{dir}, Keep: []string{"d"}}))
	if remaining, err := os.ReadDir(dir); err != nil || len(remaining) != 1 || deleted(t, dir+"/d/x") {
		t.Errorf("remaining: %v, %v", remaining, err)
	}
	must(t, h.RemoveTree(ctx, host.TreeSpec{Path: dir, Within: []string{dir}}))
	must(t, h.RemoveTree(ctx, host.TreeSpec{Path: dir, Within: []string{dir}}))
	if !deleted(t, dir) || deleted(t, outside+"/x") {
		t.Error("the wrong files are deleted")
	}
	must(t, os.Symlink(outside, dir))
	must(t, h.RemoveTree(ctx, host.TreeSpec{Path: dir, Within: []string{dir}}))
	if !deleted(t, dir) || deleted(t, outside+"/x") {
		t.Error("a link was followed")
	}
}

// TestRemoveTreeOfMany has more names than are read at once.
func TestRemoveTreeOfMany(t *testing.T) {
	h := oshost.New(oshost.Options{StateDir: t.TempDir()})
	dir := filepath.Join(t.TempDir(), "tree")
	for i := range 3000 {
		p := filepath.Join(dir, strings.Repeat("d", i%3+1))
		if i < 3 {
			must(t, os.MkdirAll(p, 0o755))
		}
		must(t, os.WriteFile(filepath.Join(p, "file"+strings.Repeat("x", i%200)+time.Duration(i).String()), nil, 0o600))
	}
	must(t, h.RemoveTree(t.Context(), host.TreeSpec{Path: dir, Within: []string{dir}}))
	if !deleted(t, dir) {
		t.Error("it is there")
	}
}

// TestRemoveDeepTree has more nested directories than files can be open.
func TestRemoveDeepTree(t *testing.T) {
	if !apart(t) {
		return
	}
	h := oshost.New(oshost.Options{StateDir: t.TempDir()})
	top := filepath.Join(t.TempDir(), "tree")
	must(t, os.Mkdir(top, 0o755))
	fd, err := unix.Open(top, unix.O_DIRECTORY, 0)
	must(t, err)
	for range 3000 {
		must(t, unix.Mkdirat(fd, "d", 0o755))
		below, err := unix.Openat(fd, "d", unix.O_DIRECTORY, 0)
		must(t, err)
		unix.Close(fd)
		fd = below
	}
	unix.Close(fd)
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 500, Max: 500}))
	must(t, h.RemoveTree(t.Context(), host.TreeSpec{Path: top, Within: []string{top}}))
	if !deleted(t, top) {
		t.Error("it is there")
	}
}

// A mount below a tree keeps the whole tree. A mount at the tree's own path
// is a disk: it is emptied and stays.
func TestRemoveTreeAndMounts(t *testing.T) {
	if !apart(t) {
		return
	}
	h := oshost.New(oshost.Options{StateDir: t.TempDir()})
	dir, outside := tree(t)
	spec := host.TreeSpec{Path: dir, Within: []string{dir}}
	must(t, unix.Mount(outside, dir+"/d", "", unix.MS_BIND, ""))
	if err := h.RemoveTree(t.Context(), spec); err == nil || !strings.Contains(err.Error(), dir+"/d") {
		t.Errorf("got %v", err)
	}
	if deleted(t, dir+"/x") || deleted(t, outside+"/x") {
		t.Error("something is deleted")
	}
	trees, err := h.Trees(t.Context(), []string{dir, dir + "/d"})
	must(t, err)
	if trees[0].Files != 6 || trees[1].Files != 1 { // mounts are not counted, because their server may be dead
		t.Errorf("counted %+v", trees)
	}
	byLink := filepath.Join(t.TempDir(), "link") // /var/lib may be a link
	must(t, os.Symlink(filepath.Dir(dir), byLink))
	if err := h.RemoveTree(t.Context(), host.TreeSpec{Path: byLink + "/tree", Within: []string{byLink}}); err == nil || !strings.Contains(err.Error(), "nothing was removed") {
		t.Errorf("by a link: got %v", err)
	}
	if deleted(t, dir+"/x") || deleted(t, outside+"/x") {
		t.Error("by a link: something is deleted")
	}
	must(t, unix.Unmount(dir+"/d", 0))

	disk := dir + "/a"
	must(t, unix.Mount("disk", disk, "tmpfs", 0, ""))
	must(t, os.WriteFile(disk+"/data", []byte("x"), 0o600))
	must(t, h.RemoveTree(t.Context(), host.TreeSpec{Path: disk, Within: []string{disk}}))
	if remaining, err := os.ReadDir(disk); err != nil || len(remaining) > 0 {
		t.Errorf("remaining: %v, %v", remaining, err)
	}
	must(t, unix.Unmount(disk, 0))
	must(t, h.RemoveTree(t.Context(), spec))
	if !deleted(t, dir) {
		t.Error("it is there")
	}
}

func TestDeleteLinksAndRoutes(t *testing.T) {
	netns(t)
	sh(t, `ip link set lo up; ip link add cni0 type bridge; ip link add veth1 type veth peer name peer1; ip link set veth1 master cni0
		ip link set cni0 up; ip link set veth1 up; ip addr add 192.0.2.1/24 dev cni0; ip route add 10.244.1.0/24 via 192.0.2.2; ip -6 route add 2001:db8::/64 dev cni0`)
	h := oshost.New(oshost.Options{StateDir: t.TempDir()})
	ctx := t.Context()
	n, err := h.Network(ctx)
	must(t, err)
	port := n.Links[slices.IndexFunc(n.Links, func(l host.NetLink) bool { return l.Name == "veth1" })]
	if port.Master != "cni0" || port.Type != "veth" {
		t.Errorf("got %+v", port)
	}
	routes := func() (dst []string) {
		n, err := h.Network(ctx)
		must(t, err)
		for _, r := range n.Routes {
			dst = append(dst, r.Dst)
		}
		return dst
	}
	for _, r := range n.Routes {
		if r.Dst == "10.244.1.0/24" || r.Dst == "2001:db8::/64" {
			must(t, h.DeleteRoute(ctx, r))
			must(t, h.DeleteRoute(ctx, r))
		}
	}
	if got := routes(); slices.Contains(got, "10.244.1.0/24") || slices.Contains(got, "2001:db8::/64") || !slices.Contains(got, "192.0.2.0/24") {
		t.Errorf("got %v", got)
	}
	for _, name := range []string{"veth1", "cni0", "cni0", "nowhere"} {
		must(t, h.DeleteLink(ctx, name))
	}
	must(t, h.DeleteRoute(ctx, host.NetRoute{Dst: "10.244.1.0/24", Via: "192.0.2.2", Dev: "cni0"}))
	n, err = h.Network(ctx)
	must(t, err)
	if len(n.Links) != 1 {
		t.Errorf("remaining: %+v", n.Links)
	}
}

// netns gives the test a network of its own.
func netns(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it makes a network namespace")
	}
	runtime.LockOSThread() // which ends with the test, and its network with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip(err)
	}
}

func sh(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.Command("sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// What components make, in short.
const (
	chains = `ipt -t nat -N KUBE-SERVICES; ipt -t nat -N KUBE-MARK-MASQ; ipt -t nat -N THEIRS
		ipt -t nat -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		ipt -t nat -A OUTPUT -j THEIRS; ipt -t nat -A OUTPUT -j KUBE-SERVICES; ipt -t nat -A KUBE-SERVICES -d 192.0.2.1 -p tcp --dport 443 -j KUBE-MARK-MASQ
		ipt -t nat -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000; ipt -t nat -A THEIRS -d 192.0.2.9 -g KUBE-MARK-MASQ; ipt -t nat -A THEIRS -j RETURN
		ipt -N FLANNEL-FWD; ipt -A FORWARD -j FLANNEL-FWD; ipt -A FLANNEL-FWD -s 10.244.0.0/16 -j ACCEPT; ipt -P FORWARD DROP`
	tables = `nft add table ip kube-proxy; nft add chain ip kube-proxy services; nft add map ip kube-proxy m '{ type ipv4_addr : verdict; }'
		nft add chain ip kube-proxy nat '{ type nat hook prerouting priority -100; }'; nft add rule ip kube-proxy nat jump services
		nft add element ip kube-proxy m '{ 192.0.2.1 : goto services }'; nft add table inet theirs; nft add chain inet theirs KUBERNETES`
)

func TestClearFilters(t *testing.T) {
	q := host.FilterQuery{Chains: []string{"KUBE-", "FLANNEL-", "CNI-"}, Tables: []string{"kube-proxy"}}
	nat := host.Filter{Kind: "nftables", Family: "ip", Table: "nat", Chains: 2}
	filter := host.Filter{Kind: "nftables", Family: "ip", Table: "filter", Chains: 1}
	whole := host.Filter{Kind: "nftables", Family: "ip", Table: "kube-proxy", Chains: 2, Whole: true}
	older := func(f host.Filter) host.Filter { f.Kind = "iptables-legacy"; return f }
	for _, tt := range []struct {
		name, program, script string
		want                  []host.Filter
	}{
		{"nothing", "true", "", nil},
		{"iptables", "iptables-nft", chains, []host.Filter{filter, nat}},
		{"the older iptables", "iptables-legacy", chains, []host.Filter{older(filter), older(nat)}},
		{"nftables", "nft", tables, []host.Filter{whole}},
		{"many", "iptables-nft", `{ echo '*nat'; for i in $(seq 1 1500); do echo ":KUBE-SVC-$i - [0:0]"; done; for i in $(seq 2 1500); do echo "-A KUBE-SVC-$i -j KUBE-SVC-1"; done
			echo '-A OUTPUT -j KUBE-SVC-1500'; echo COMMIT; } | iptables-nft-restore`, []host.Filter{{Kind: "nftables", Family: "ip", Table: "nat", Chains: 1500}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := exec.LookPath(tt.program); err != nil {
				t.Skip(err)
			}
			netns(t)
			sh(t, "ipt() { "+tt.program+` "$@"; }`+"\n"+tt.script)
			h := oshost.New(oshost.Options{StateDir: t.TempDir()})
			got, err := h.Filters(t.Context(), q)
			must(t, err)
			slices.SortFunc(got, func(a, b host.Filter) int { return strings.Compare(a.Kind+a.Table, b.Kind+b.Table) })
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("want - got +:\n%s", d)
			}
			must(t, h.ClearFilters(t.Context(), q))
			must(t, h.ClearFilters(t.Context(), q))
			if got, err := h.Filters(t.Context(), q); err != nil || len(got) > 0 {
				t.Errorf("remaining: %+v, %v", got, err)
			}
			if tt.script != chains {
				return
			}
			remaining := sh(t, tt.program+"-save -t nat; "+tt.program+"-save -t filter")
			if strings.Contains(remaining, "KUBE-") || strings.Contains(remaining, "FLANNEL-") || !strings.Contains(remaining, "-A OUTPUT -j THEIRS") ||
				!strings.Contains(remaining, "-A THEIRS -j RETURN") || !strings.Contains(remaining, ":FORWARD DROP") {
				t.Errorf("remaining:\n%s", remaining)
			}
		})
	}
}
