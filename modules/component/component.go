// Package component installs programs on a host, by digest. It owns these files
// and the directory /opt/cni/bin. Sources finds or downloads the programs on the
// controller.
package component

import (
	"context"
	"fmt"
	"io"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// A File is one executable of a component, or an archive of an image.
type File struct {
	Name   string // for errors: kubelet
	Path   string // on the host: /usr/local/bin/kubelet
	Source string // on the controller: a file's path, or its http or https URL
	SHA256 string // lower-case hex
}

// Module installs the programs of one host.
type Module struct {
	Files   []File
	Sources *Sources // shared by all hosts
}

// Check compares digests, modes and owners in one call. It reads the source of a
// program only if the program is to be sent, so a host that is up to date needs no
// sources. A local file with another digest is an error.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	dirs := m.dirs()
	q := dirs.Queries()
	for _, p := range m.Files {
		q = append(q, host.FileQuery{Path: p.Path, Digest: true})
	}
	have, err := h.Files(ctx, q)
	if err != nil {
		return nil, err
	}
	d := dirs.Diff(have[:len(dirs.Dirs)])
	for i, p := range m.Files {
		c, differs := p.diff(have[len(dirs.Dirs)+i])
		if !differs {
			continue
		}
		if c.Bytes, err = m.Sources.Size(ctx, p); err != nil {
			return nil, err
		}
		d = append(d, c)
	}
	return d, nil
}

// Apply sends the programs in d, one after another, because all go through one
// connection.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if err := m.dirs().Apply(ctx, h, d); err != nil {
		return err
	}
	var todo []File
	var sizes []int64
	var done, total int64
	for _, p := range m.Files {
		if !d.Touches(p.Path) {
			continue
		}
		size, err := m.Sources.Fetch(ctx, p)
		if err != nil {
			return err
		}
		todo, sizes, total = append(todo, p), append(sizes, size), total+size
	}
	for i, p := range todo {
		spec := host.InstallSpec{Path: p.Path, Mode: 0o755, Size: sizes[i], SHA256: p.SHA256}
		base := done
		open := func() (io.ReadCloser, error) {
			f, err := m.Sources.Open(p)
			if err != nil {
				return nil, err
			}
			return modules.Counted(ctx, f, base, total), nil
		}
		if err := h.Install(ctx, spec, open); err != nil {
			return fmt.Errorf("install %s: %w", p.Path, err)
		}
		done += sizes[i]
		modules.Progress(ctx, done, total)
	}
	return nil
}

// Redo sends all programs, see modules.Replacer.
func (m Module) Redo(ctx context.Context, d change.Diff) (change.Diff, error) {
	for _, p := range m.Files {
		if d.Touches(p.Path) {
			continue
		}
		size, err := m.Sources.Size(ctx, p)
		if err != nil {
			return nil, err
		}
		digest := "sha256 " + short(p.SHA256)
		d = append(d, change.Change{Kind: change.Transfer, Action: change.Update, Item: p.Path, Have: digest, Want: digest,
			HaveSHA256: p.SHA256, SHA256: p.SHA256, Bytes: size, Why: change.ReplaceAsked})
	}
	return d, nil
}

// Owns returns all items that the module may change, see modules.Owner.
func (m Module) Owns() []string {
	items := m.dirs().Owns()
	for _, p := range m.Files {
		items = append(items, p.Path)
	}
	return items
}

// dirs returns the directories of the programs.
func (m Module) dirs() resource.Files {
	var specs []host.FileSpec
	for _, p := range m.Files {
		specs = append(specs, host.FileSpec{Path: p.Path})
	}
	return resource.Files{Dirs: resource.Parents(specs...)}
}

// diff returns how the file differs, without its size.
func (p File) diff(have host.File) (change.Change, bool) {
	c := change.Change{Kind: change.Transfer, Action: change.Update, Item: p.Path, Want: "sha256 " + short(p.SHA256), SHA256: p.SHA256}
	attrs := fmt.Sprintf("%04o %s:%s", have.Mode, have.Owner, have.Group)
	switch {
	case have.Type == host.Absent:
		c.Action = change.Add
	case have.Type != host.Regular:
		c.Action, c.Have = change.Replace, string(have.Type)
	case have.SHA256 != p.SHA256:
		c.Have, c.HaveSHA256 = "sha256 "+short(have.SHA256), have.SHA256
	case attrs != "0755 root:root":
		c.Have, c.HaveSHA256, c.Why = c.Want, have.SHA256, "mode and owner are "+attrs+", not 0755 root:root"
	default:
		return c, false
	}
	return c, true
}

// short cuts a digest to what people need to recognize it.
func short(digest string) string { return digest[:min(12, len(digest))] }
