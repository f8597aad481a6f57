package hosttest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/pmkctl/pmkctl/host"
)

var ctx = context.Background()

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func stat(t *testing.T, h *Host, p string) host.File {
	t.Helper()
	f, err := h.Files(ctx, []host.FileQuery{{Path: p, Content: true, Digest: true, List: true}})
	check(t, err)
	return f[0]
}

func TestServiceLife(t *testing.T) {
	h := New("cp-1")
	unit := func() host.Unit {
		u, err := h.Units(ctx, []string{"x.service"})
		check(t, err)
		return u[0]
	}
	if u := unit(); u.Load != "not-found" || u.Enabled != "" {
		t.Errorf("got %+v", u)
	}
	check(t, h.WriteFile(ctx, host.FileSpec{Path: "/etc/systemd/system/x.service", Mode: 0o644,
		Content: []byte("[Service]\nExecStart=/usr/local/bin/x\n[Install]\nWantedBy=multi-user.target\n")}))
	if err := h.Unit(ctx, "x.service", host.Start); err == nil {
		t.Error("started before reload")
	}
	check(t, h.Unit(ctx, "x.service", host.Enable))
	check(t, h.Unit(ctx, "", host.Reload))
	if err := h.Unit(ctx, "x.service", host.Start); err == nil {
		t.Error("started without its program")
	}
	if u := unit(); u.Active != "failed" || u.Result != "exit-code" {
		t.Errorf("got %+v", u)
	}
	WithPrograms("x")(h.Admin())
	check(t, h.Unit(ctx, "x.service", host.Start))
	if u := unit(); u.Active != "active" || u.Enabled != "enabled" || u.MainPID == 0 || u.NeedReload || u.StartedWith == nil {
		t.Errorf("got %+v", u)
	}
}

func TestFilesRefuse(t *testing.T) {
	h := New("cp-1")
	err := h.WriteFile(ctx, host.FileSpec{Path: "/etc/none/x", Mode: 0o644})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := h.WriteFile(ctx, host.FileSpec{Path: "/etc/x", Owner: "etcd"}); err == nil {
		t.Error("wrote a file of an unknown user")
	}
	check(t, h.WriteFile(ctx, host.FileSpec{Path: "/etc/sysusers.d/a.conf", Mode: 0o644, Content: []byte("u etcd - \"etcd server\" /var/lib/etcd\n")}))
	_, err = h.Run(ctx, []string{"systemd-sysusers"}, nil)
	check(t, err)
	check(t, h.WriteFile(ctx, host.FileSpec{Path: "/etc/x", Mode: 0o600, Owner: "etcd", Group: "etcd"}))
	if f := stat(t, h, "/etc/x"); f.Owner != "etcd" || f.Mode != 0o600 || f.Type != host.Regular {
		t.Errorf("got %+v", f)
	}
}

func TestCluster(t *testing.T) {
	cp, worker := New("cp-1", WithAddress("192.0.2.11")), New("worker-1", WithAddress("192.0.2.12"))
	NewCluster(cp, worker)
	if _, err := cp.Kube(ctx, host.KubeRequest{Method: "GET", Path: "/api/v1/nodes"}); !errors.Is(err, host.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	WithService("kube-apiserver", "kubelet")(cp.Admin())
	WithService("kubelet", "flanneld")(worker.Admin())
	r, err := cp.Kube(ctx, host.KubeRequest{Method: "GET", Path: "/api/v1/nodes/worker-1"})
	check(t, err)
	if r.Status != 200 {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	if f := stat(t, worker, "/run/flannel/subnet.env"); f.Type != host.Regular {
		t.Error("flanneld has no subnet")
	}
}

const service = "[Service]\nExecStart=/usr/local/bin/x\n[Install]\nWantedBy=multi-user.target\n"

// TestStart checks the state of a unit after a start.
func TestStart(t *testing.T) {
	tests := []struct {
		name    string
		unit    string
		opts    []Option
		want    string // load, enabled, active/sub, result
		err     string
		journal string
	}{
		{name: "runs", unit: service, want: "loaded disabled active/running success"},
		{name: "no such unit", want: "not-found  inactive/dead success", err: "Unit x.service not found"},
		{name: "no program", unit: "[Service]\nExecStart=/usr/local/bin/y\n", want: "loaded static failed/failed exit-code", err: "exit-code", journal: "203/EXEC"},
		{name: "tried again", unit: "[Service]\nExecStart=/usr/local/bin/y\nRestart=always\n", want: "loaded static activating/auto-restart exit-code", err: "exit-code"},
		{name: "ignored program", unit: "[Service]\nExecStartPre=-/sbin/none\nExecStart=/usr/local/bin/x\n", want: "loaded static active/running success"},
		{name: "oneshot", unit: "[Service]\nType=oneshot\nExecStart=/usr/local/bin/x\n", want: "loaded static inactive/dead success"},
		{name: "oneshot that remains", unit: "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/bin/x\n", want: "loaded static active/exited success"},
		{name: "unmet condition", unit: "[Unit]\nConditionPathExists=/etc/none\n" + service, want: "loaded disabled inactive/dead success", journal: "unmet condition"},
		{name: "met conditions", unit: "[Unit]\nConditionPathExists=!/etc/none\nConditionPathExists=/etc/hosts\n" + service, want: "loaded disabled active/running success"},
		{name: "unknown user", unit: "[Service]\nUser=etcd\nExecStart=/usr/local/bin/x\n", want: "loaded static failed/failed exit-code", err: "exit-code", journal: "217/USER"},
		{name: "known user", unit: "[Service]\nUser=etcd\nExecStart=/usr/local/bin/x\n", opts: []Option{WithUsers("etcd")}, want: "loaded static active/running success"},
		{name: "masked", opts: []Option{func(h *Host) { must(h.Symlink(ctx, "/etc/systemd/system/x.service", "/dev/null")) }},
			want: "masked masked inactive/dead success", err: "is masked"},
		{name: "no environment", unit: "[Service]\nEnvironmentFile=/etc/none\nExecStart=/usr/local/bin/x\n", want: "loaded static failed/failed resources", err: "resources"},
		{name: "no state", unit: "[Service]\nReadWritePaths=/var/lib/none\nExecStart=/usr/local/bin/x\n", want: "loaded static failed/failed exit-code", err: "exit-code", journal: "226/NAMESPACE"},
		{name: "makes its state", unit: "[Service]\nStateDirectory=x\nReadWritePaths=/var/lib/x\nExecStart=/usr/local/bin/x\n", want: "loaded static failed/failed exit-code", err: "exit-code"},
		{name: "told to fail", unit: service, opts: []Option{func(h *Host) { h.FailStart("x.service", "panic: no") }},
			want: "loaded disabled failed/failed exit-code", err: "exit-code", journal: "panic: no"},
		{name: "drop-in", unit: service, opts: []Option{WithFile("/etc/systemd/system/x.service.d/a.conf", "[Service]\nExecStart=\nExecStart=/usr/local/bin/y\n")},
			want: "loaded disabled failed/failed exit-code", err: "exit-code"},
		{name: "component without its configuration", unit: "[Service]\nExecStart=/usr/local/bin/etcd --config-file=/etc/etcd.yaml\n", want: "loaded static failed/failed exit-code",
			err: "exit-code", journal: "open /etc/etcd.yaml: no such file"},
		{name: "component that may not read", unit: "[Service]\nUser=etcd\nExecStart=/usr/local/bin/etcd --config-file=/etc/etcd.yaml\n",
			opts: []Option{WithUsers("etcd"), WithFile("/etc/etcd.yaml", "peer-transport-security:\n  key-file: /etc/peer.key\n"), WithSpec(host.FileSpec{Path: "/etc/peer.key", Mode: 0o600})},
			want: "loaded static failed/failed exit-code", err: "exit-code", journal: "open /etc/peer.key: permission denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := New("h", append(tt.opts, WithPrograms("x", "etcd"))...)
			if tt.unit != "" {
				WithFile("/etc/systemd/system/x.service", tt.unit)(h.Admin())
			}
			check(t, h.Unit(ctx, "", host.Reload))
			err := h.Unit(ctx, "x.service", host.Start)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
			units, err := h.Units(ctx, []string{"x.service"})
			check(t, err)
			u := units[0]
			if got := fmt.Sprintf("%s %s %s/%s %s", u.Load, u.Enabled, u.Active, u.Sub, u.Result); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			lines, err := h.Journal(ctx, "x.service", 5)
			check(t, err)
			if !strings.Contains(strings.Join(lines, "\n"), tt.journal) {
				t.Errorf("got journal %q, want %q", lines, tt.journal)
			}
		})
	}
}

func TestReloadIsNeeded(t *testing.T) {
	h := New("h", WithService("x"))
	state := func() string {
		u, err := h.Units(ctx, []string{"x.service"})
		check(t, err)
		if u[0].NeedReload != u[0].Unread {
			t.Errorf("got %+v", u[0])
		}
		with := "ended"
		if u[0].StartedWith != nil {
			with = *u[0].StartedWith
		}
		return fmt.Sprint(u[0].Load, " ", u[0].Active, " ", u[0].NeedReload, " ", with)
	}
	if got, want := state(), "loaded active false "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	WithFile("/etc/systemd/system/x.service", strings.Replace(service, "[Service]\n", "[Service]\nEnvironment=A=1 PMKCTL_INPUTS=2 B=3\n", 1))(h.Admin())
	if got, want := state(), "loaded active true "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	check(t, h.Unit(ctx, "", host.Reload))
	if got, want := state(), "loaded active false "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.Contains(h.Snapshot(), "x.service loaded enabled active/running success started before /etc/systemd/system/x.service changed") {
		t.Errorf("the snapshot has no stale unit:\n%s", h.Snapshot())
	}
	check(t, h.Unit(ctx, "x.service", host.Restart))
	if got, want := state(), "loaded active false 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	check(t, h.Remove(ctx, "/etc/systemd/system/x.service"))
	check(t, h.Unit(ctx, "", host.Reload))
	if got, want := state(), "not-found active false 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Since systemd 257 all units need a reload after one was enabled or
// disabled.
func TestEnableMakesAllNeedAReload(t *testing.T) {
	h := New("h", WithService("x", "y"))
	state := func() string {
		u, err := h.Units(ctx, []string{"x.service", "y.service"})
		check(t, err)
		return fmt.Sprint(u[0].Enabled, " ", u[0].NeedReload, u[0].Unread, " ", u[1].Enabled, " ", u[1].NeedReload, u[1].Unread)
	}
	tests := []struct {
		name string
		do   host.UnitAction
		unit string
		want string
	}{
		{"at first", host.Enable, "x.service", "enabled false false enabled false false"}, // already enabled: no change
		{"disabled", host.Disable, "x.service", "disabled true false enabled true false"},
		{"reloaded", host.Reload, "", "disabled false false enabled false false"},
		{"enabled", host.Enable, "x.service", "enabled true false enabled true false"},
		{"reloaded", host.Reload, "", "enabled false false enabled false false"},
	}
	for _, tt := range tests {
		check(t, h.Unit(ctx, tt.unit, tt.do))
		if got := state(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	check(t, h.Unit(ctx, "x.service", host.Disable))
	check(t, h.Remove(ctx, "/etc/systemd/system/y.service"))
	if got, want := state(), "disabled true false  true true"; got != want {
		t.Errorf("a unit file is gone meanwhile: got %s, want %s", got, want)
	}
}

func TestEnable(t *testing.T) {
	h := New("h", WithFile("/etc/systemd/system/x.service", service), WithFile("/etc/systemd/system/s.service", "[Service]\nExecStart=/bin/true\n"))
	for range 2 { // may be repeated
		check(t, h.Unit(ctx, "x.service", host.Enable))
	}
	if f := stat(t, h, "/etc/systemd/system/multi-user.target.wants/x.service"); f.Target != "/etc/systemd/system/x.service" {
		t.Errorf("got %+v", f)
	}
	for range 2 {
		check(t, h.Unit(ctx, "x.service", host.Disable))
	}
	if f := stat(t, h, "/etc/systemd/system/multi-user.target.wants/x.service"); f.Type != host.Absent {
		t.Errorf("got %+v", f)
	}
	for _, name := range []string{"none.service", "s.service"} {
		if err := h.Unit(ctx, name, host.Enable); err == nil {
			t.Errorf("enabled %s", name)
		}
	}
}

func TestFileErrors(t *testing.T) {
	h := New("h", WithFile("/srv/d/f", "x"))
	tests := []struct {
		name string
		err  error
		want error
	}{
		{"remove full directory", h.Remove(ctx, "/srv/d"), syscall.ENOTEMPTY},
		{"remove nothing", h.Remove(ctx, "/srv/none/none"), nil},
		{"write over directory", h.WriteFile(ctx, host.FileSpec{Path: "/srv/d"}), syscall.EISDIR},
		{"write below file", h.WriteFile(ctx, host.FileSpec{Path: "/srv/d/f/g"}), syscall.ENOTDIR},
		{"directory over file", h.MakeDir(ctx, host.DirSpec{Path: "/srv/d/f"}), syscall.ENOTDIR},
		{"append to nowhere", h.Append(ctx, "/srv/none/x", nil), fs.ErrNotExist},
		{"relative path", h.WriteFile(ctx, host.FileSpec{Path: "srv"}), syscall.EINVAL},
		{"sysctl that is not", h.SetSysctl(ctx, "net.none", "1"), fs.ErrNotExist},
		{"key in no directory", func() error { _, err := h.EnsureKey(ctx, host.KeySpec{Path: "/srv/none/key"}); return err }(), fs.ErrNotExist},
		{"request without key", func() error { _, err := h.Request(ctx, "/srv/none", "x"); return err }(), fs.ErrNotExist},
		{"images without containerd", func() error { _, err := h.Images(ctx); return err }(), host.ErrUnavailable},
		{"get from nobody", func() error {
			_, err := h.Get(ctx, host.GetRequest{URL: "http://127.0.0.1:10248/healthz"})
			return err
		}(), host.ErrUnavailable},
	}
	for _, tt := range tests {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, tt.err, tt.want)
		}
	}
}

func TestLinks(t *testing.T) {
	h := New("h")
	check(t, h.MakeDir(ctx, host.DirSpec{Path: "/srv/a/b", Mode: 0o750, Owner: "www-data"}))
	if f := stat(t, h, "/srv/a"); f.Mode != 0o755 || f.Owner != "root" {
		t.Errorf("parent is %+v", f)
	}
	check(t, h.Symlink(ctx, "/srv/l", "a/b"))
	check(t, h.WriteFile(ctx, host.FileSpec{Path: "/srv/l/f", Mode: 0o644, Content: []byte("x")}))
	if f := stat(t, h, "/srv/a/b/f"); string(f.Content) != "x" || f.SHA256 != digest([]byte("x")) {
		t.Errorf("got %+v", f)
	}
	if f := stat(t, h, "/srv/a/b"); !slices.Equal(f.Entries, []string{"f"}) || f.Mode != 0o750 || f.Owner != "www-data" {
		t.Errorf("got %+v", f)
	}
	if f := stat(t, h, "/bin"); f.Type != host.Link || f.Target != "usr/bin" {
		t.Errorf("got %+v", f)
	}
}

func TestKeysDoNotTravel(t *testing.T) {
	h := New("h")
	for range 2 {
		_, err := h.EnsureKey(ctx, host.KeySpec{Path: "/etc/a.key", Mode: 0o600})
		check(t, err)
	}
	content := h.Peek("/etc/a.key")
	check(t, h.WriteFile(ctx, host.FileSpec{Path: "/etc/b.pem", Mode: 0o600, Content: append([]byte("# mine\n"), content...)}))
	for _, p := range []string{"/etc/a.key", "/etc/b.pem"} {
		if f := stat(t, h, p); !f.Secret || f.Content != nil || f.SHA256 != "" {
			t.Errorf("%s: got %+v", p, f)
		}
	}
	found, err := h.Keys(ctx, []string{"/etc/a.key", "/etc/none"})
	check(t, err)
	if len(found[0].Public) == 0 || found[0].Mode != 0o600 || found[1].Public != nil {
		t.Errorf("got %+v", found)
	}
}

func TestFaults(t *testing.T) {
	write := func(h *Host, n int) error {
		return h.WriteFile(ctx, host.FileSpec{Path: fmt.Sprintf("/etc/%d", n), Mode: 0o644})
	}
	h := New("h")
	h.CutAfter(2)
	check(t, write(h, 1))
	check(t, write(h, 2))
	if err := write(h, 3); !errors.Is(err, host.ErrLost) {
		t.Errorf("got %v", err)
	}
	if _, err := h.Facts(ctx); !errors.Is(err, host.ErrLost) {
		t.Errorf("got %v", err)
	}
	h.Reconnect()
	h.CutDuring(1)
	if err := write(h, 4); !errors.Is(err, host.ErrLost) {
		t.Errorf("got %v", err)
	}
	h.Reconnect()
	if got := fmt.Sprint(h.Log()); got != "[WriteFile /etc/1 WriteFile /etc/2 WriteFile /etc/4]" {
		t.Errorf("log is %s", got)
	}
	h.ReadOnly(true)
	if err := write(h, 5); !errors.Is(err, host.ErrReadOnly) {
		t.Errorf("got %v", err)
	}
	check(t, write(h.Admin(), 5))
	h.ReadOnly(false)
	full := errors.New("no space left on device")
	h.FailOn(func(method, item string) error {
		if method == "WriteFile" && item == "/etc/6" {
			return full
		}
		return nil
	})
	if err := write(h, 6); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	check(t, write(h, 7))
}

func TestSession(t *testing.T) {
	h := New("h")
	first, second := NewSession(h), NewSession(h)
	f := host.FileSpec{Path: "/etc/x", Mode: 0o644}
	if err := first.WriteFile(ctx, f); !errors.Is(err, host.ErrReadOnly) {
		t.Errorf("got %v", err)
	}
	if err := first.Arm(ctx, "p"); err == nil {
		t.Error("armed without the lock")
	}
	check(t, first.Lock(ctx, host.LockRequest{Run: "1"}))
	check(t, first.Arm(ctx, "p"))
	check(t, first.WriteFile(ctx, f))
	var locked *host.LockedError
	if err := second.Lock(ctx, host.LockRequest{Run: "2"}); !errors.As(err, &locked) || locked.Holder.Run != "1" {
		t.Errorf("got %v", err)
	}
	done := make(chan error)
	go func() { done <- second.Lock(ctx, host.LockRequest{Run: "2", Wait: time.Minute}) }()
	check(t, first.Close())
	check(t, <-done)
	if _, err := first.Facts(ctx); !errors.Is(err, host.ErrLost) {
		t.Errorf("got %v", err)
	}
}

func TestSockets(t *testing.T) {
	h := New("h", WithService("etcd", "kube-proxy"),
		WithFile("/var/lib/kubelet/config.yaml", "healthzPort: 10348\nport: 10350\n"),
		WithFile("/etc/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/local/bin/kubelet --config=/var/lib/kubelet/config.yaml\n"),
		WithFile("/etc/flannel.json", `{"Network":"10.244.0.0/16","Backend":{"Type":"udp","Port":8286}}`),
		WithFile("/etc/systemd/system/flanneld.service", "[Service]\nExecStart=/usr/local/bin/flanneld --net-config-path=/etc/flannel.json --healthz-port=8081\n"),
		WithPrograms("kubelet", "flanneld"), WithSocket(host.Socket{Proto: "tcp", Addr: "0.0.0.0", Port: 80, PID: 7, Process: "nginx"}))
	check(t, h.Unit(ctx, "", host.Reload))
	check(t, h.Unit(ctx, "kubelet.service", host.Start))
	check(t, h.Unit(ctx, "flanneld.service", host.Start))
	sockets, err := h.Sockets(ctx)
	check(t, err)
	var got []string
	for _, s := range sockets {
		got = append(got, fmt.Sprintf("%s %s:%d %s", s.Proto, s.Addr, s.Port, s.Unit))
	}
	want := []string{"tcp 0.0.0.0:80 ", "tcp :::2379 etcd.service", "tcp :::2380 etcd.service", "tcp 127.0.0.1:2381 etcd.service", "tcp :::8081 flanneld.service",
		"udp 0.0.0.0:8286 flanneld.service", "tcp 127.0.0.1:10249 kube-proxy.service", "tcp :::10256 kube-proxy.service", "tcp 127.0.0.1:10348 kubelet.service", "tcp :::10350 kubelet.service"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	r, err := h.Get(ctx, host.GetRequest{URL: "http://127.0.0.1:10348/healthz"})
	if err != nil || r.Status != 200 || string(r.Body) != "ok" {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestReboot(t *testing.T) {
	h := New("h", WithService("a"), WithFile("/etc/modules-load.d/a.conf", "br_netfilter\n"),
		WithFile("/etc/sysctl.d/a.conf", "net.bridge.bridge-nf-call-iptables = 0\nnet.ipv4.ip_forward=1\n"), WithFile("/run/x", ""))
	check(t, h.Unit(ctx, "a.service", host.Stop))
	check(t, h.SetSysctl(ctx, "kernel.panic", "10"))
	facts, err := h.Facts(ctx)
	check(t, err)
	h.Reboot()
	after, err := h.Facts(ctx)
	check(t, err)
	if facts.BootID == after.BootID || facts.MachineID != after.MachineID {
		t.Errorf("got %s and %s", facts.BootID, after.BootID)
	}
	v, err := h.Sysctls(ctx, []string{"net.bridge.bridge-nf-call-iptables", "net.ipv4.ip_forward", "kernel.panic"})
	check(t, err)
	if got := fmt.Sprint(v); got != "map[kernel.panic:0 net.bridge.bridge-nf-call-iptables:0 net.ipv4.ip_forward:1]" {
		t.Errorf("got %s", got)
	}
	u, err := h.Units(ctx, []string{"a.service"})
	check(t, err)
	if u[0].Active != "active" || stat(t, h, "/run/x").Type != host.Absent {
		t.Errorf("got %+v", u)
	}
}

func TestImages(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	index := []byte(`{"manifests":[{"annotations":{"io.containerd.image.name":"registry.k8s.io/pause:3.10"}}]}`)
	check(t, w.WriteHeader(&tar.Header{Name: "index.json", Size: int64(len(index)), Mode: 0o644}))
	_, err := w.Write(index)
	check(t, err)
	check(t, w.Close())
	h := New("h", WithService("containerd"))
	spec := host.InstallSpec{Path: "/var/lib/pause.tar", Mode: 0o644, Size: int64(b.Len()), SHA256: digest(b.Bytes())}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }
	check(t, h.Install(ctx, spec, open))
	check(t, h.ImportImage(ctx, "/var/lib/pause.tar"))
	if names, err := h.Images(ctx); err != nil || !slices.Equal(names, []string{"registry.k8s.io/pause:3.10"}) {
		t.Errorf("got %v, %v", names, err)
	}
	if err := h.ImportImage(ctx, "/etc/hosts"); err == nil {
		t.Error("imported a text")
	}
	spec.SHA256 = digest(nil)
	if err := h.Install(ctx, spec, open); err == nil {
		t.Error("installed what has another digest")
	}
}

// TestThousand has a thousand hosts at work at once, for the race detector
// and to show that hosts are cheap.
func TestThousand(t *testing.T) {
	var hosts []*Host
	for i := range 1000 {
		hosts = append(hosts, New(fmt.Sprintf("h-%d", i), WithAddress(fmt.Sprintf("10.0.%d.%d/16", i/250, 1+i%250))))
	}
	NewCluster(hosts...)
	WithService("kube-apiserver")(hosts[0].Admin())
	var wg sync.WaitGroup
	for _, h := range hosts[:50] {
		wg.Go(func() {
			WithService("kubelet")(h.Admin())
			h.Snapshot()
			if _, err := h.Sockets(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if r := kube(t, hosts[0], "GET", "/api/v1/nodes", "", ""); len(r["items"].([]any)) != 50 {
		t.Errorf("got %d nodes", len(r["items"].([]any)))
	}
}

func TestArchive(t *testing.T) {
	a := txtar.Parse([]byte(`# A host with a service.
-- host --
address 192.0.2.77/24
user etcd
module br_netfilter
sysctl net.ipv4.ip_forward=1
image registry.k8s.io/pause:3.10
without-program nft
swap /dev/sda2
socket tcp 0.0.0.0:10250 python3 4711
-- /var/lib/etcd/ 0700 etcd:etcd --
-- /usr/local/bin/x 0755 --
x
-- /etc/systemd/system/x.service --
[Service]
ExecStart=/usr/local/bin/x
[Install]
WantedBy=multi-user.target
-- units --
enable x.service
start x.service
-- want --
not of the host
`))
	h := New("h", WithArchive(a))
	u, err := h.Units(ctx, []string{"x.service"})
	check(t, err)
	if u[0].Active != "active" || u[0].Enabled != "enabled" {
		t.Errorf("got %+v", u)
	}
	if f := stat(t, h, "/var/lib/etcd"); f.Owner != "etcd" || f.Mode != 0o700 || f.Type != host.Dir {
		t.Errorf("got %+v", f)
	}
	again := New("h", WithArchive(txtar.Parse(txtar.Format(h.Archive()))))
	if got, want := again.Snapshot(), h.Snapshot(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
