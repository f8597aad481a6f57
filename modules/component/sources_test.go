package component

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// local writes a file that is old enough for its digest to be remembered.
func local(t *testing.T, content string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(p, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	age(t, p)
	return p
}

func age(t *testing.T, p string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(p, old, old); err != nil {
		t.Fatal(err)
	}
}

func TestLocal(t *testing.T) {
	ctx, p := context.Background(), local(t, "program")
	s := &Sources{Dir: t.TempDir()}
	good := File{Name: "kubelet", Source: p, SHA256: sum("program")}
	for range 2 { // the second time from the cache
		if n, err := s.Size(ctx, good); n != 7 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	}
	if got := records(t, s); got != 1 {
		t.Errorf("%d digests remembered, want 1", got)
	}
	_, err := s.Size(ctx, File{Name: "kubelet", Source: p, SHA256: sum("other")})
	var e *DigestError
	if !errors.As(err, &e) || e.Have != sum("program") || e.Want != sum("other") || e.Source != p {
		t.Errorf("got %v", err)
	}
	if _, err := s.Size(ctx, File{Name: "kubelet", Source: p + "x"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Size(ctx, File{Name: "kubelet", Source: filepath.Dir(p)}); err == nil {
		t.Error("a directory is a program")
	}
}

// A changed file is hashed again, even if its size and time are the same.
func TestLocalChanges(t *testing.T) {
	ctx, p := context.Background(), local(t, "one")
	s := &Sources{Dir: t.TempDir()}
	if _, err := s.Size(ctx, File{Source: p, SHA256: sum("one")}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte("two"), 0o755); err != nil {
		t.Fatal(err)
	}
	age(t, p)
	if _, err := s.Size(ctx, File{Source: p, SHA256: sum("two")}); err != nil {
		t.Error(err)
	}
}

func records(t *testing.T, s *Sources) int {
	t.Helper()
	e, err := os.ReadDir(filepath.Join(s.Dir, "digests"))
	if err != nil {
		t.Fatal(err)
	}
	return len(e)
}

func TestURL(t *testing.T) {
	var gets atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/program":
			http.NotFound(w, r)
		case r.Method == http.MethodHead:
			w.Header().Set("Content-Length", "7")
		default:
			gets.Add(1)
			_, _ = io.WriteString(w, "program")
		}
	}))
	t.Cleanup(srv.Close)
	ctx, s := context.Background(), &Sources{Dir: t.TempDir()}
	p := File{Name: "kubelet", Source: srv.URL + "/program", SHA256: sum("program")}
	if n, err := s.Size(ctx, p); n != 7 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	var hosts sync.WaitGroup
	for range 8 {
		hosts.Go(func() {
			if n, err := s.Fetch(ctx, p); n != 7 || err != nil {
				t.Errorf("got %d, %v", n, err)
			}
		})
	}
	hosts.Wait()
	if gets.Load() != 1 {
		t.Errorf("downloaded %d times", gets.Load())
	}
	f, err := s.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, _ := io.ReadAll(f); string(b) != "program" {
		t.Errorf("got %q", b)
	}
}

func TestURLFails(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "other")
	}))
	t.Cleanup(srv.Close)
	ctx, s := context.Background(), &Sources{Dir: t.TempDir()}
	_, err := s.Fetch(ctx, File{Name: "kubelet", Source: srv.URL + "/other", SHA256: sum("program")})
	var e *DigestError
	if !errors.As(err, &e) || e.Have != sum("other") {
		t.Errorf("got %v", err)
	}
	if _, err := s.Fetch(ctx, File{Name: "kubelet", Source: srv.URL + "/gone", SHA256: sum("program")}); err == nil {
		t.Error("a page that is not there was downloaded")
	}
	kept, err := os.ReadDir(filepath.Join(s.Dir, "sources"))
	if err != nil || len(kept) != 0 {
		t.Errorf("still in the cache: %v, %v", kept, err)
	}
	if n, err := s.Size(ctx, File{Source: srv.URL + "/gone", SHA256: sum("program")}); n != 0 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}
