package components

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const root = "../.."

// pages is a release page in memory: content by path.
type pages map[string]string

func (p pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, ok := p[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	io.WriteString(w, content)
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// tgz returns a tar.gz with one program in a folder, as projects publish it.
func tgz(t *testing.T, name, content string) string {
	t.Helper()
	b, err := tarOf(tarFile{"thing-1/" + name, 0o755, []byte(content)})
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write(b)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// thing returns a recipe with a real folder, so that it has requirements. Its
// build fails because the package does not exist.
func thing(server *httptest.Server, url, sums string) recipe {
	return recipe{
		name:     "etcd",
		version:  "1.0.0",
		programs: []program{{"thing", "pmkctl.invalid/thing"}},
		release:  release{url: server.URL + url, sums: server.URL + sums},
	}
}

func newStore(t *testing.T) (store, *bytes.Buffer) {
	var out bytes.Buffer
	return store{root: root, dir: t.TempDir(), out: &out, client: http.DefaultClient, silent: make(map[string]bool)}, &out
}

func TestFetch(t *testing.T) {
	archive := tgz(t, "thing", "a program")
	tests := []struct {
		name      string
		url, sums string
		pages     pages
	}{
		{"a program with a digest", "/BINARY-vVERSION", "/BINARY-vVERSION.sha256", pages{
			"/thing-v1.0.0":        "a program",
			"/thing-v1.0.0.sha256": sum("a program"),
		}},
		{"an archive with a list", "/thing-VERSION.tar.gz", "/SUMS", pages{
			"/thing-1.0.0.tar.gz": archive,
			"/SUMS":               sum("x") + "  other.tar.gz\n" + sum(archive) + " *./thing-1.0.0.tar.gz\n",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.pages)
			defer server.Close()
			s, _ := newStore(t)
			f, err := s.recipe(t.Context(), thing(server, tt.url, tt.sums))
			if err != nil {
				t.Fatal(err)
			}
			have, err := os.ReadFile(filepath.Join(f.path, "thing"))
			if err != nil || string(have) != "a program" {
				t.Errorf("got %q, %v, want the program", have, err)
			}
			info, err := os.Stat(filepath.Join(f.path, "thing"))
			if err != nil || info.Mode().Perm()&0o111 == 0 {
				t.Errorf("got %v, %v, want an executable", info, err)
			}
		})
	}
}

func TestFetchFallsBackToBuild(t *testing.T) {
	tests := []struct {
		name  string
		pages pages
		why   string
	}{
		{"no page", pages{}, "no release page answers"},
		{"another file's checksum", pages{"/thing": "a", "/SUMS": sum("a") + "  other"}, "find the checksum of thing"},
		{"a wrong digest", pages{"/thing": "forged", "/SUMS": sum("a program")}, "its SHA-256 is " + sum("forged")},
		{"half a download", pages{"/SUMS": sum("a program")}, "404"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.pages)
			defer server.Close()
			s, out := newStore(t)
			_, err := s.recipe(t.Context(), thing(server, "/BINARY", "/SUMS"))
			if err == nil || !strings.Contains(err.Error(), "build etcd 1.0.0") {
				t.Errorf("got error %v, want the one of the build", err)
			}
			if !strings.Contains(out.String(), tt.why) {
				t.Errorf("told %q, want %q in it", out, tt.why)
			}
			left, err := os.ReadDir(s.dir)
			if err != nil || len(left) > 0 {
				t.Errorf("the cache holds %v, %v, want nothing", left, err)
			}
		})
	}
}

func TestSlowPageIsNoPage(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	start := time.Now()
	s, _ := newStore(t)
	for range 2 {
		if err := s.fetch(t.Context(), thing(server, "/BINARY", "/SUMS"), t.TempDir()); !errors.Is(err, errNoRelease) {
			t.Errorf("got %v, want %v", err, errNoRelease)
		}
	}
	if took := time.Since(start); took > answerWithin+2*time.Second {
		t.Errorf("it took %v, want about %v", took, answerWithin)
	}
}

func TestDamageIsRepaired(t *testing.T) {
	server := httptest.NewServer(pages{"/thing": "a program", "/SUMS": sum("a program")})
	s, out := newStore(t)
	r := thing(server, "/BINARY", "/SUMS")
	f, err := s.recipe(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(f.path, "thing")
	if err := os.WriteFile(file, []byte("a program, damaged"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := s.recipe(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if have, _ := os.ReadFile(file); string(have) != "a program" {
		t.Errorf("got %q after the repair", have)
	}
	if !strings.Contains(out.String(), "the manifest says") {
		t.Errorf("told %q, want what was damaged", out)
	}
	server.Close()
	if _, err := s.recipe(t.Context(), r); err != nil {
		t.Errorf("without a network: %v, want the cached program", err)
	}
}

func TestLockRemovesUnfinishedFolders(t *testing.T) {
	s, _ := newStore(t)
	if err := os.MkdirAll(filepath.Join(s.dir, unfinished+"1", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := s.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	if left, _ := filepath.Glob(filepath.Join(s.dir, unfinished+"*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.lock(ctx); err == nil {
		t.Error("a second run got the lock")
	}
}

func TestKeyDependsOnEverything(t *testing.T) {
	a := recipes()[0]
	key, err := a.key(root)
	if err != nil {
		t.Fatal(err)
	}
	changes := map[string]func(*recipe){
		"version": func(r *recipe) { r.version += "0" },
		"cgo":     func(r *recipe) { r.cgo = !r.cgo },
		"tags":    func(r *recipe) { r.tags += "x" },
		"ldflags": func(r *recipe) { r.ldflags += "x" },
		"package": func(r *recipe) { r.programs = []program{{"etcd", "other"}} },
		"release": func(r *recipe) { r.release.url += "x" },
	}
	for name, change := range changes {
		b := a
		change(&b)
		if other, err := b.key(root); err != nil || other == key {
			t.Errorf("another %s: got key %s, %v, want another one", name, other, err)
		}
	}
}

// The table repeats versions that the go.mod files decide.
func TestTableAgreesWithModules(t *testing.T) {
	for _, r := range recipes() {
		b, err := os.ReadFile(filepath.Join(r.folder(root), "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.programs {
			if !strings.Contains(string(b), "\t"+p.pkg+"\n") && !strings.Contains(string(b), "tool "+p.pkg+"\n") {
				t.Errorf("%s: %s is no tool of its go.mod", r.name, p.pkg)
			}
		}
		if !regexp.MustCompile(` v` + regexp.QuoteMeta(r.version) + `\b`).Match(b) {
			t.Errorf("%s: version %s is not in its go.mod", r.name, r.version)
		}
	}
}

func TestImageIsReproducible(t *testing.T) {
	program := filepath.Join(t.TempDir(), "thing")
	if err := os.WriteFile(program, []byte("a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	var archives []string
	for i := range 2 {
		file := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := writeOCI(file, "pmkctl.invalid/thing:1", "thing", program); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		archives = append(archives, string(b))
	}
	if archives[0] != archives[1] {
		t.Error("the same program made two different archives")
	}
	checkBlobs(t, archives[0])
}

// checkBlobs checks that each blob is named by its digest, and that the index
// names the image.
func checkBlobs(t *testing.T, archive string) {
	t.Helper()
	var names []string
	for r := tar.NewReader(strings.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if digest, ok := strings.CutPrefix(h.Name, "blobs/sha256/"); ok && digest != sum(string(b)) {
			t.Errorf("%s holds %s", h.Name, sum(string(b)))
		}
		if h.Name == "index.json" && !strings.Contains(string(b), `"io.containerd.image.name":"pmkctl.invalid/thing:1"`) {
			t.Errorf("the index does not name the image: %s", b)
		}
	}
	if len(names) != 5 || !slices.Contains(names, "oci-layout") {
		t.Errorf("got %v, want oci-layout, index.json and three blobs", names)
	}
}
