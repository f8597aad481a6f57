package oshost

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

var _ host.Host = (*Host)(nil)

func here(t *testing.T) (*Host, string) {
	t.Helper()
	dir := t.TempDir()
	h := New(Options{StateDir: filepath.Join(dir, "state"), Kubeconfig: filepath.Join(dir, "kubeconfig")})
	t.Cleanup(func() { h.Close() })
	return h, dir
}

// asRoot returns a host and its directory, for tests that write files with
// the default owner. It skips the test if it is not root.
func asRoot(t *testing.T) (*Host, string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it gives files to root")
	}
	return here(t)
}

func one(t *testing.T, h *Host, q host.FileQuery) host.File {
	t.Helper()
	f, err := h.Files(t.Context(), []host.FileQuery{q})
	if err != nil {
		t.Fatal(err)
	}
	return f[0]
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	n, err := names(dir)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFiles(t *testing.T) {
	h, dir := asRoot(t)
	ctx := t.Context()
	file := filepath.Join(dir, "f")
	if err := h.WriteFile(ctx, host.FileSpec{Path: file, Mode: 0o4750, Content: []byte("hello"), Group: "daemon"}); err != nil {
		t.Fatal(err)
	}
	if err := h.Symlink(ctx, filepath.Join(dir, "l"), "f"); err != nil {
		t.Fatal(err)
	}
	if err := h.Symlink(ctx, filepath.Join(dir, "l"), "f2"); err != nil {
		t.Fatal(err)
	}
	if err := h.MakeDir(ctx, host.DirSpec{Path: filepath.Join(dir, "a/b/c"), Mode: 0o700, Owner: "daemon"}); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("hello"))
	f := one(t, h, host.FileQuery{Path: file, Content: true, Digest: true})
	if f.Type != host.Regular || f.Mode != 0o4750 || f.Owner != "root" || f.Group != "daemon" || string(f.Content) != "hello" ||
		f.SHA256 != hex.EncodeToString(sum[:]) || f.Size != 5 || time.Since(f.ModTime) > time.Minute {
		t.Errorf("file: %+v", f)
	}
	if f := one(t, h, host.FileQuery{Path: filepath.Join(dir, "l"), Content: true}); f.Type != host.Link || f.Target != "f2" || f.Content != nil {
		t.Errorf("link: %+v", f)
	}
	if f := one(t, h, host.FileQuery{Path: filepath.Join(dir, "a/b/c")}); f.Type != host.Dir || f.Mode != 0o700 || f.Owner != "daemon" {
		t.Errorf("directory: %+v", f)
	}
	if f := one(t, h, host.FileQuery{Path: filepath.Join(dir, "a/b")}); f.Mode != 0o755 || f.Owner != "root" {
		t.Errorf("parent: %+v", f)
	}
	if f := one(t, h, host.FileQuery{Path: dir, List: true}); !slices.Equal(f.Entries, []string{"a", "f", "l"}) {
		t.Errorf("entries: %v", f.Entries)
	}
	for _, p := range []string{filepath.Join(dir, "none"), filepath.Join(file, "below"), filepath.Join(dir, "none/below")} {
		if f := one(t, h, host.FileQuery{Path: p, Content: true, Digest: true}); f.Type != host.Absent {
			t.Errorf("%s: %+v", p, f)
		}
		if err := h.Remove(ctx, p); err != nil {
			t.Errorf("remove %s: %v", p, err)
		}
	}
	if f := one(t, h, host.FileQuery{Path: "/dev/null", Content: true}); f.Type != host.Other {
		t.Errorf("device: %+v", f)
	}
	if err := h.Remove(ctx, filepath.Join(dir, "a")); err == nil {
		t.Error("removed a directory that is not empty")
	}
	if err := h.Remove(ctx, file); err != nil {
		t.Error(err)
	}
	for _, p := range []string{"relative", ""} {
		if _, err := h.Files(ctx, []host.FileQuery{{Path: p}}); err == nil {
			t.Errorf("looked at %q", p)
		}
		if err := h.WriteFile(ctx, host.FileSpec{Path: p}); err == nil {
			t.Errorf("wrote %q", p)
		}
	}
}

func TestMakeDirFollowsNoLink(t *testing.T) {
	h, dir := here(t)
	os.Mkdir(filepath.Join(dir, "real"), 0)
	os.Chmod(filepath.Join(dir, "real"), 0o755) // whatever the umask is
	os.Symlink("real", filepath.Join(dir, "link"))
	if err := h.MakeDir(t.Context(), host.DirSpec{Path: filepath.Join(dir, "link"), Mode: 0o777}); err == nil {
		t.Error("changed what a link leads to")
	}
	if st, _ := os.Stat(filepath.Join(dir, "real")); st.Mode().Perm() != 0o755 {
		t.Errorf("mode %v", st.Mode())
	}
}

func TestWriteReplacesALinkItself(t *testing.T) {
	h, dir := asRoot(t)
	victim := filepath.Join(dir, "victim")
	os.WriteFile(victim, []byte("mine"), 0o644)
	link := filepath.Join(dir, "link")
	os.Symlink(victim, link)
	if err := h.WriteFile(t.Context(), host.FileSpec{Path: link, Mode: 0o644, Content: []byte("new")}); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(victim); string(b) != "mine" {
		t.Errorf("the link's target is %q", b)
	}
}

// A change that ends early keeps the old file, and nothing beside it.
func TestAtomic(t *testing.T) {
	h, dir := asRoot(t)
	path := filepath.Join(dir, "d", "f")
	os.Mkdir(filepath.Dir(path), 0o755)
	os.WriteFile(path, []byte("old"), 0o600)
	// A temporary file of a killed run is no obstacle.
	os.WriteFile(temporary(path), []byte("half"), 0o600)
	ctx, cancel := context.WithCancel(t.Context())
	data := bytes.Repeat([]byte("x"), 1<<20)
	sum := sha256.Sum256(data)
	spec := host.InstallSpec{Path: path, Mode: 0o755, Size: 1 << 20, SHA256: hex.EncodeToString(sum[:])}
	for name, open := range map[string]func() (io.ReadCloser, error){
		"cancelled": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(data[:1000]), reader(func() error { cancel(); return nil }), bytes.NewReader(data[1000:]))), nil
		},
		"broken": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(data[:1000]), reader(func() error { return errors.New("broken") }))), nil
		},
		"short": func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data[1:])), nil },
		"long":  func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(append(data, 'x'))), nil },
		"wrong": func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(bytes.Repeat([]byte("y"), 1<<20))), nil
		},
	} {
		use := t.Context()
		if name == "cancelled" {
			use = ctx
		}
		if err := h.Install(use, spec, open); err == nil {
			t.Errorf("%s: installed", name)
		}
		if b, _ := os.ReadFile(path); string(b) != "old" {
			t.Errorf("%s: the file is %d bytes", name, len(b))
		}
		if e := entries(t, filepath.Dir(path)); len(e) != 1 {
			t.Errorf("%s: remaining %v", name, e)
		}
	}
	if err := h.WriteFile(ctx, host.FileSpec{Path: path, Content: []byte("new")}); !errors.Is(err, context.Canceled) {
		t.Errorf("write after the end: %v", err)
	}
	if e := entries(t, filepath.Dir(path)); len(e) != 1 {
		t.Errorf("remaining: %v", e)
	}
	if err := h.Install(t.Context(), spec, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }); err != nil {
		t.Fatal(err)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o755 || st.Size() != 1<<20 {
		t.Errorf("installed %v", st)
	}
}

type reader func() error

func (r reader) Read([]byte) (int, error) {
	if err := r(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

func TestConcurrentWritesOfOnePath(t *testing.T) {
	h, dir := asRoot(t)
	path := filepath.Join(dir, "f")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := h.WriteFile(t.Context(), host.FileSpec{Path: path, Mode: 0o644, Content: fmt.Appendf(nil, "%02d", i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if b, _ := os.ReadFile(path); len(b) != 2 {
		t.Errorf("got %q", b)
	}
}

func TestAppend(t *testing.T) {
	h, dir := here(t)
	path := filepath.Join(dir, "j")
	for _, s := range []string{"a\n", "b\n"} {
		if err := h.Append(t.Context(), path, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	f := one(t, h, host.FileQuery{Path: path, Content: true})
	if string(f.Content) != "a\nb\n" || f.Mode != 0o600 {
		t.Errorf("%+v", f)
	}
	os.Symlink("/nowhere", filepath.Join(dir, "l"))
	if err := h.Append(t.Context(), filepath.Join(dir, "l"), nil); err == nil {
		t.Error("followed a link")
	}
}

func TestRecordedDigest(t *testing.T) {
	h, dir := asRoot(t)
	path := filepath.Join(dir, "bin")
	data := bytes.Repeat([]byte("x"), 2<<20)
	sum := sha256.Sum256(data)
	want := hex.EncodeToString(sum[:])
	spec := host.InstallSpec{Path: path, Mode: 0o755, Size: int64(len(data)), SHA256: want}
	if err := h.Install(t.Context(), spec, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }); err != nil {
		t.Fatal(err)
	}
	// Another process uses the record: a wrong digest in it shows that.
	record := filepath.Join(h.state, "digests.json")
	b, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	fake := strings.Repeat("0", 64)
	os.WriteFile(record, bytes.Replace(b, []byte(want), []byte(fake), 1), 0o600)
	h2 := New(Options{StateDir: h.state})
	if f := one(t, h2, host.FileQuery{Path: path, Digest: true}); f.SHA256 != fake {
		t.Errorf("the record was not used: %s", f.SHA256)
	}
	if f := one(t, h2, host.FileQuery{Path: path, Digest: true, Verify: true}); f.SHA256 != want {
		t.Errorf("verify: %s", f.SHA256)
	}
	os.Chtimes(path, time.Now(), time.Now().Add(-time.Hour))
	if f := one(t, h2, host.FileQuery{Path: path, Digest: true}); f.SHA256 != want {
		t.Errorf("a changed file: %s", f.SHA256)
	}
	os.WriteFile(record, []byte("{damaged"), 0o600)
	if f := one(t, h2, host.FileQuery{Path: path, Digest: true}); f.SHA256 != want {
		t.Errorf("a damaged record: %s", f.SHA256)
	}
}

func TestKeysStayHere(t *testing.T) {
	h, dir := asRoot(t)
	ctx := t.Context()
	os.Mkdir(filepath.Join(dir, "pki"), 0o755)
	path := filepath.Join(dir, "pki", "ca.key")
	k, err := h.EnsureKey(ctx, host.KeySpec{Path: path, Mode: 0o640, Group: "daemon"})
	if err != nil || !strings.Contains(string(k.Public), "PUBLIC KEY") || k.Mode != 0o640 || k.Group != "daemon" {
		t.Fatalf("%+v, %v", k, err)
	}
	again, err := h.EnsureKey(ctx, host.KeySpec{Path: path, Mode: 0o600})
	if err != nil || !bytes.Equal(again.Public, k.Public) || again.Mode != 0o600 || again.Group != "root" {
		t.Errorf("again: %+v, %v", again, err)
	}
	private, _ := os.ReadFile(path)
	block, _ := pem.Decode(private)

	os.Symlink("pki", filepath.Join(dir, "other"))
	os.Symlink("ca.key", filepath.Join(dir, "pki", "link"))
	os.Link(path, filepath.Join(dir, "hard"))
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		os.WriteFile(p, b, 0o644)
		return p
	}
	embedded := "users:\n- user:\n    client-key-data: " + base64.StdEncoding.EncodeToString(private) + "\n"
	for _, p := range []string{
		path, filepath.Join(dir, "pki/./ca.key"), filepath.Join(dir, "pki//ca.key"), filepath.Join(dir, "pki/../pki/ca.key"),
		filepath.Join(dir, "other/ca.key"), filepath.Join(dir, "hard"), "/proc/self/root" + path,
		write("copy", private), write("bundle", append([]byte("some text\n"), private...)),
		write("der", block.Bytes), write("kubeconfig.conf", []byte(embedded)),
	} {
		f := one(t, h, host.FileQuery{Path: p, Content: true, Digest: true, Verify: true})
		if !f.Secret || f.Content != nil || f.SHA256 != "" {
			t.Errorf("%s: %+v", p, f)
		}
		if f := one(t, h, host.FileQuery{Path: p, Digest: true}); f.SHA256 != "" {
			t.Errorf("%s: digest", p)
		}
	}
	if f := one(t, h, host.FileQuery{Path: filepath.Join(dir, "pki", "link"), Content: true}); f.Content != nil {
		t.Errorf("%+v", f)
	}
	// Whatever is put there, the path is a key's, for another process too.
	os.Remove(path)
	write("pki/ca.key", []byte("not a key"))
	if f := one(t, New(Options{StateDir: h.state}), host.FileQuery{Path: path, Content: true}); !f.Secret || f.Content != nil {
		t.Errorf("%+v", f)
	}
	if _, err := h.EnsureKey(ctx, host.KeySpec{Path: path, Mode: 0o600}); err == nil {
		t.Error("took something else for a key")
	}
	if b, _ := os.ReadFile(path); string(b) != "not a key" {
		t.Error("replaced what it could not read")
	}
	if _, err := h.Run(ctx, []string{"cat", filepath.Join(dir, "copy")}, nil); !errors.Is(err, host.ErrSecret) {
		t.Errorf("run: %v", err)
	}
	// While the list cannot be read, all reads are refused.
	os.WriteFile(filepath.Join(h.state, "keys.json"), []byte("{"), 0o600)
	if _, err := h.Files(ctx, []host.FileQuery{{Path: "/etc/passwd", Content: true}}); err == nil {
		t.Error("looked at files without the list of keys")
	}
	if f := one(t, New(Options{StateDir: t.TempDir()}), host.FileQuery{Path: write("cert", []byte("-----BEGIN CERTIFICATE-----\n")), Content: true}); f.Secret {
		t.Error("a certificate is no secret")
	}
}

func TestEnsureKeyAtOnce(t *testing.T) {
	h, dir := asRoot(t)
	path := filepath.Join(dir, "k")
	publics := make([]string, 10)
	var wg sync.WaitGroup
	for i := range publics {
		wg.Go(func() {
			k, err := h.EnsureKey(t.Context(), host.KeySpec{Path: path, Mode: 0o600})
			if err != nil {
				t.Error(err)
			}
			publics[i] = string(k.Public)
		})
	}
	wg.Wait()
	if len(slices.Compact(publics)) != 1 {
		t.Error("not all got the same key")
	}
	keys, err := h.Keys(t.Context(), []string{path, filepath.Join(dir, "none")})
	if err != nil || string(keys[0].Public) != publics[0] || keys[1].Public != nil {
		t.Errorf("%+v, %v", keys, err)
	}
}

func TestRun(t *testing.T) {
	h, _ := here(t)
	ctx := t.Context()
	out, err := h.Run(ctx, []string{"cat"}, []byte("in"))
	if err != nil || string(out) != "in" {
		t.Errorf("%q, %v", out, err)
	}
	_, err = h.Run(ctx, []string{"sh", "-c", "echo no >&2; exit 3"}, nil)
	var exit *host.ExitError
	if !errors.As(err, &exit) || exit.Status != 3 || exit.Stderr != "no\n" {
		t.Errorf("%v", err)
	}
	if _, err := h.Run(ctx, []string{"no-such-program"}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := h.Run(ctx, nil, nil); err == nil {
		t.Error("ran nothing")
	}
	if _, err := h.Run(ctx, []string{"head", "-c", "2000000", "/dev/zero"}, nil); err == nil {
		t.Error("no limit")
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	// A grandchild that ignores signals ends too.
	_, err = h.Run(short, []string{"sh", "-c", "trap '' TERM INT HUP; sleep 60 & sleep 60"}, nil)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(begin))
	}
}

func TestCloseEndsChildren(t *testing.T) {
	h, dir := here(t)
	done := make(chan error, 1)
	started := filepath.Join(dir, "started")
	go func() {
		_, err := h.Run(context.Background(), []string{"sh", "-c", "touch " + started + "; sleep 60"}, nil)
		done <- err
	}()
	for range 500 {
		if exists(started) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("a child still runs")
	}
	if _, err := h.Run(t.Context(), []string{"true"}, nil); err == nil {
		t.Error("ran something after the end")
	}
}

func TestSysctls(t *testing.T) {
	h, _ := here(t)
	got, err := h.Sysctls(t.Context(), []string{"kernel.ostype", "net.ipv4.ip_local_port_range", "no.such.thing"})
	if err != nil || got["kernel.ostype"] != "Linux" || len(got) != 2 || strings.Contains(got["net.ipv4.ip_local_port_range"], "\t") {
		t.Errorf("%v, %v", got, err)
	}
	for _, n := range []string{"", "..", "a..b", "kernel.", "a.//.b"} {
		if _, err := h.Sysctls(t.Context(), []string{n}); err == nil {
			t.Errorf("%q was read", n)
		}
	}
	for name, want := range map[string]string{
		"net.ipv4.ip_forward":              "/proc/sys/net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/100.rp_filter": "/proc/sys/net/ipv4/conf/eth0.100/rp_filter",
	} {
		if got, err := sysctlPath(name); got != want || err != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestParseSockets(t *testing.T) {
	table := `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
   1: 0B02A8C0:0016 0102A8C0:1234 01 00000000:00000000 00:00000000 00000000     0        0 4712 1
   2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1
   3: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1
   4: broken
`
	got := parseSockets(table, "tcp", "0A")
	want := []string{"127.0.0.1:8080:4711", "::1:80:4713", "127.0.0.1:81:4714"}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, s := range got {
		if g := fmt.Sprintf("%s:%d:%s", s.Addr, s.Port, s.inode); g != want[i] {
			t.Errorf("got %s, want %s", g, want[i])
		}
	}
}

func TestParseProcess(t *testing.T) {
	for in, want := range map[string][2]string{
		"1 (systemd) S 0":    {"systemd", "S"},
		"7 (a) b (c)) T 1 2": {"a) b (c)", "T"},
		"7 (kubelet) t 1":    {"kubelet", "T"},
		"garbage":            {"", ""},
		"7 (x)":              {"x", ""},
	} {
		if n, s := parseStat(in); n != want[0] || s != want[1] {
			t.Errorf("%q: got %q %q", in, n, s)
		}
	}
	for in, want := range map[string]string{
		"0::/system.slice/kubelet.service\n":                                  "kubelet.service",
		"12:cpu:/x.service\n1:name=systemd:/system.slice/ssh.service\n0::/\n": "ssh.service",
		"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-abc.scope\n":   "cri-containerd-abc.scope",
		"0::/user.slice/user-0.slice/session-1.scope\n":                       "session-1.scope",
		"0::/system.slice/containerd.service/kubepods/inner\n":                "containerd.service",
		"0::/\n": "",
	} {
		if got := parseCgroup(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSocketsFindThisProcess(t *testing.T) {
	h, _ := here(t)
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	list, err := h.Sockets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if fmt.Sprintf("http://%s:%d", s.Addr, s.Port) == srv.URL {
			if s.PID != os.Getpid() || s.Process == "" || s.State == "" {
				t.Errorf("%+v", s)
			}
			return
		}
	}
	t.Errorf("not found: %s in %+v", srv.URL, list)
}

func TestNetwork(t *testing.T) {
	h, _ := here(t)
	n, err := h.Network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range n.Links {
		if l.Name == "lo" && l.Up && slices.Contains(l.Addrs, "127.0.0.1/8") {
			return
		}
	}
	t.Errorf("no loopback: %+v", n)
}

func TestKernelFeatures(t *testing.T) {
	h, _ := here(t)
	got, err := h.KernelFeatures(t.Context(), []string{"overlay", "no_such_module", "../../etc", ""})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{words("/proc/filesystems", -1)["overlay"], false, false, false} {
		if got[i].Present != want {
			t.Errorf("%+v, want %v", got[i], want)
		}
	}
	for _, n := range []string{"-r", "a b", "../x", ""} {
		if err := h.LoadModule(t.Context(), n); err == nil {
			t.Errorf("loaded %q", n)
		}
	}
}

func TestKernelEvidence(t *testing.T) {
	dir := t.TempDir()
	dep := filepath.Join(dir, "modules.dep")
	os.WriteFile(dep, []byte("kernel/net/ipv4/netfilter/ip_tables.ko.xz: kernel/x_tables.ko.xz\nkernel/drivers/net/nlmon-x.ko:\n"), 0o644)
	if m := moduleFiles(dep); !m["ip_tables"] || !m["nlmon_x"] || m["x_tables"] {
		t.Errorf("%v", m)
	}
	conf := filepath.Join(dir, "config")
	os.WriteFile(conf, []byte("# CONFIG_A is not set\nCONFIG_VXLAN=m\nCONFIG_OVERLAY_FS=y\nCONFIG_X=\"s\"\n"), 0o644)
	k := kernel{config: readConfig("/nowhere", conf)}
	for name, want := range map[string]bool{"vxlan": false, "overlay": true, "wireguard": false} {
		if got := k.builtIn(name); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	k = kernel{symbols: map[string]bool{"wg_xmit": true}}
	k.symOnce.Do(func() {})
	if !k.builtIn("wireguard") || k.builtIn("dummy") {
		t.Error("symbols")
	}
}

func TestFacts(t *testing.T) {
	h, _ := here(t)
	f, err := h.Facts(t.Context())
	if err != nil || f.Hostname == "" || f.Kernel == "" || f.BootID == "" || f.CPUs == 0 || f.Memory < 1<<20 || len(f.Disks) < 2 || f.ResolvConf == "" {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestUsersAndPrograms(t *testing.T) {
	h, _ := here(t)
	u, err := h.Users(t.Context(), []string{"root", "nobody-at-all", "daemon"})
	if err != nil || !u[0].Exists || u[1].Exists || u[2].UID != 1 {
		t.Errorf("%+v, %v", u, err)
	}
	p, err := h.Programs(t.Context(), []string{"sh", "no-such", "../bin/sh", ""})
	if err != nil || p[0].Path == "" || p[1].Path != "" || p[2].Path != "" || p[3].Path != "" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestValidUnit(t *testing.T) {
	for name, want := range map[string]bool{
		"kubelet.service": true, "getty@tty1.service": true, `a\x2db.mount`: true,
		"": false, ".service": false, "kubelet": false, "-r.service": false, "a b.service": false, "a/b.service": false, "*.service": false,
	} {
		if got := validUnit(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}

func TestKube(t *testing.T) {
	h, dir := asRoot(t)
	ctx := t.Context()
	if _, err := h.Kube(ctx, host.KubeRequest{Method: "GET", Path: "/api"}); !errors.Is(err, host.ErrUnavailable) {
		t.Errorf("without a cluster: %v", err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/api", http.StatusFound)
		case "/secrets":
			io.WriteString(w, `{"kind":"SecretList","items":[{"metadata":{"name":"s","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"c2VjcmV0"}},"data":{"k":"c2VjcmV0"}}]}`)
		default:
			w.WriteHeader(http.StatusTeapot)
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s %s %d", r.Method, r.URL, r.Header.Get("Content-Type"), body, len(r.TLS.PeerCertificates))
		}
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	defer srv.Close()

	sign := func(name string, p host.CertProfile) {
		key := filepath.Join(dir, name+".key")
		if _, err := h.EnsureKey(ctx, host.KeySpec{Path: key, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		r := host.SignRequest{KeyPath: key, Profile: p}
		if name != "ca" {
			req, err := h.Request(ctx, key, p.CommonName)
			if err != nil {
				t.Fatal(err)
			}
			r = host.SignRequest{KeyPath: filepath.Join(dir, "ca.key"), CertPath: filepath.Join(dir, "ca.crt"), Request: req, Profile: p}
		}
		cert, err := h.Sign(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.WriteFile(ctx, host.FileSpec{Path: filepath.Join(dir, name+".crt"), Mode: 0o644, Content: cert}); err != nil {
			t.Fatal(err)
		}
	}
	sign("ca", host.CertProfile{CommonName: "ca", CA: true, Lifetime: time.Hour})
	sign("admin", host.CertProfile{CommonName: "admin", Client: true, Lifetime: time.Hour})
	server := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	os.WriteFile(filepath.Join(dir, "server-ca.crt"), server, 0o644)
	config := func(ca string) {
		os.WriteFile(filepath.Join(dir, "kubeconfig"), fmt.Appendf(nil, `
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: %q, certificate-authority: %s}}]
users: [{name: u, user: {client-certificate: admin.crt, client-key: %s}}]
`, srv.URL, ca, filepath.Join(dir, "admin.key")), 0o600)
	}
	config("server-ca.crt")
	r, err := h.Kube(ctx, host.KubeRequest{Method: "PATCH", Path: "/api/x?limit=1", ContentType: "application/json", Body: []byte("{}")})
	if err != nil || r.Status != http.StatusTeapot || string(r.Body) != "PATCH /api/x?limit=1 application/json {} 1" {
		t.Errorf("%d %q, %v", r.Status, r.Body, err)
	}
	if r, err := h.Kube(ctx, host.KubeRequest{Method: "GET", Path: "/redirect"}); err != nil || r.Status != http.StatusFound {
		t.Errorf("%d, %v", r.Status, err)
	}
	if r, err := h.Kube(ctx, host.KubeRequest{Method: "GET", Path: "/secrets"}); err != nil || strings.Contains(string(r.Body), "c2VjcmV0") || !strings.Contains(string(r.Body), `"s"`) {
		t.Errorf("%s, %v", r.Body, err)
	}
	if _, err := h.Kube(ctx, host.KubeRequest{Method: "GET", Path: "@evil.example/"}); err == nil {
		t.Error("asked another server")
	}
	config("ca.crt")
	if _, err := h.Kube(ctx, host.KubeRequest{Method: "GET", Path: "/api"}); err == nil || errors.Is(err, host.ErrUnavailable) {
		t.Errorf("a server that is not trusted: %v", err)
	}
	config("server-ca.crt")
	srv.Close()
	if _, err := h.Kube(ctx, host.KubeRequest{Method: "GET", Path: "/api"}); !errors.Is(err, host.ErrUnavailable) {
		t.Errorf("while nothing answers: %v", err)
	}
	if _, err := h.Get(ctx, host.GetRequest{URL: "file:///etc/passwd"}); err == nil {
		t.Error("read a file")
	}
}

func TestStripSecrets(t *testing.T) {
	for in, want := range map[string]string{
		`{"kind":"Secret","data":{"a":"b"},"stringData":{"c":"d"},"type":"Opaque"}`:                                        `{"kind":"Secret","type":"Opaque"}`,
		`{"kind":"List","items":[{"kind":"Secret","data":{"a":"b"}},{"kind":"ConfigMap","data":{"n":12345678901234567}}]}`: `{"items":[{"kind":"Secret"},{"data":{"n":12345678901234567},"kind":"ConfigMap"}],"kind":"List"}`,
		`{"kind":"ConfigMap","data":{"a":"Secret"}}`:                                                                       `{"data":{"a":"Secret"},"kind":"ConfigMap"}`,
		`{"kind":"TokenRequest","status":{"token":"x"}}`:                                                                   `{"kind":"TokenRequest"}`,
		`Secret text`: `Secret text`,
		`ok`:          `ok`,
	} {
		got, err := stripSecrets([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v", in, got, err)
		}
	}
}

func BenchmarkFiles40(b *testing.B) {
	dir := b.TempDir()
	h := New(Options{StateDir: filepath.Join(dir, "state")})
	var q []host.FileQuery
	for i := range 40 {
		p := filepath.Join(dir, fmt.Sprint(i))
		os.WriteFile(p, bytes.Repeat([]byte("line of text\n"), 100), 0o644)
		q = append(q, host.FileQuery{Path: p, Content: true, Digest: true})
	}
	for b.Loop() {
		if _, err := h.Files(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
