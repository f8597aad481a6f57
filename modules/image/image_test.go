package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

// archive is a source in memory.
type archive string

func (a archive) Size(context.Context) (int64, error)  { return int64(len(a)), nil }
func (a archive) Fetch(context.Context) (int64, error) { return int64(len(a)), nil }
func (a archive) Open() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader([]byte(a))), nil
}

func (a archive) digest() string {
	sum := sha256.Sum256([]byte(a))
	return hex.EncodeToString(sum[:])
}

const (
	pause   = "registry.k8s.io/pause:3.10.2"
	coredns = "registry.k8s.io/coredns/coredns:v1.14.7"
)

func module(contents ...string) Module {
	m := Module{Containerd: address.MustParse("containerd.host-1")}
	for i, c := range contents {
		m.Images = append(m.Images, Image{Name: []string{pause, coredns}[i], SHA256: archive(c).digest(), Source: archive(c)})
	}
	return m
}

// running starts a containerd that knows the contents of the archives.
func running(contents ...string) moduletest.Option {
	return moduletest.Prepare(func(h *hosttest.Host) {
		hosttest.WithService("containerd")(h)
		for i, c := range contents {
			h.ImageArchive(archive(c).digest(), []string{pause, coredns}[i%2])
		}
	})
}

func TestConverges(t *testing.T) {
	m := module("pause", "coredns")
	before := running("pause", "coredns", "old pause", "coredns")
	t.Run("bare", func(t *testing.T) { moduletest.Converges(t, m, before) })
	t.Run("another archive", func(t *testing.T) {
		moduletest.Converges(t, m, before, moduletest.Before(module("old pause", "coredns")))
	})
	t.Run("there without a mark", func(t *testing.T) {
		moduletest.Converges(t, m, before, moduletest.Host(hosttest.WithImages(pause)))
	})
}

func TestCheck(t *testing.T) {
	m := module("pause")
	mark := hosttest.WithFile(m.Images[0].mark().Path, string(m.Images[0].mark().Content))
	tests := []struct {
		name   string
		host   []hosttest.Option
		action change.Action
		until  string
	}{
		{"bare host", nil, change.Add, ""},
		{"containerd is down, imported before", []hosttest.Option{mark}, "", "containerd.host-1"},
		{"wiped", []hosttest.Option{mark, hosttest.WithService("containerd")}, change.Add, ""},
		{"somebody else's", []hosttest.Option{hosttest.WithImages(pause), hosttest.WithService("containerd")}, change.Update, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := m.Check(t.Context(), hosttest.New("host-1", tt.host...))
			if err != nil {
				t.Fatal(err)
			}
			c := d[len(d)-1]
			if c.Item != pause || c.Action != tt.action || c.Until.String() != tt.until {
				t.Errorf("got %+v, want %q until %q", c, tt.action, tt.until)
			}
		})
	}
}

// An archive with another image is an error.
func TestWrongArchive(t *testing.T) {
	h := hosttest.New("host-1", hosttest.WithService("containerd"))
	h.ImageArchive(archive("pause").digest(), "somebody/else:1")
	m := module("pause")
	d, err := m.Check(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	err = m.Apply(t.Context(), h, d)
	if err == nil || !strings.Contains(err.Error(), "holds no image of this name") {
		t.Errorf("got %v", err)
	}
}
