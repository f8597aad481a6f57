// Package image brings container images to a host and imports them into
// containerd. It owns the marks of the images that it imported. Other images in
// containerd are not its own.
package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// dir has a mark for each imported image, with the digest of its archive. During
// an import it has the archive too.
const dir = "/var/lib/pmkctl/images"

// An Image is a container image that comes as an OCI or Docker archive.
type Image struct {
	Name   string // as pods name it, in full: registry.k8s.io/pause:3.10.2
	SHA256 string // of the archive, lower-case hex
	Source Source // read only if the archive is to be sent
}

// A Source is an archive on the controller.
type Source interface {
	Size(ctx context.Context) (int64, error)  // bytes; 0 if not known before a download
	Fetch(ctx context.Context) (int64, error) // makes the archive available to Open
	Open() (io.ReadCloser, error)
}

func (i Image) mark() host.FileSpec {
	return host.FileSpec{Path: dir + "/" + url.PathEscape(i.Name), Mode: 0o644, Content: []byte("sha256:" + i.SHA256 + "\n")}
}

func (i Image) marks() resource.Files { return resource.Files{Files: []host.FileSpec{i.mark()}} }

func (i Image) archive() string { return dir + "/" + i.SHA256 + ".tar" }

// Module imports the images of one host.
type Module struct {
	Images     []Image
	Containerd address.Addr // address of the step that starts containerd: "containerd.worker-1"
}

// Check queries containerd for each image, and reads the mark that it came from
// the wanted archive. An image without a mark is imported again, so that needs no
// answer of containerd.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	type answer struct {
		names []string
		err   error
	}
	there := make(chan answer, 1)
	go func() {
		names, err := h.Images(ctx)
		there <- answer{names, err}
	}()
	marks, err := h.Files(ctx, m.marks().Queries())
	a := <-there
	if err != nil {
		return nil, err
	}
	down := errors.Is(a.err, host.ErrUnavailable)
	if a.err != nil && !down {
		return nil, fmt.Errorf("list images: %w", a.err)
	}
	d := (resource.Files{Dirs: m.marks().Dirs}).Diff(marks[:1])
	for n, i := range m.Images {
		mark := i.marks().Diff(marks[n+1 : n+2])
		marked := !slices.ContainsFunc(mark, func(c change.Change) bool { return c.IsText() || c.Action != change.Update })
		present := slices.Contains(a.names, i.Name)
		c := change.Change{Kind: change.Image, Action: change.Add, Item: i.Name, Want: "sha256:" + i.SHA256, SHA256: i.SHA256}
		switch {
		case marked && present:
			d = append(d, mark...)
			continue
		case marked && down:
			d = append(d, change.Change{Kind: change.Image, Item: i.Name, Until: m.Containerd})
			continue
		case present:
			c.Action, c.Have = change.Update, "another archive"
		}
		if c.Bytes, err = i.Source.Size(ctx); err != nil {
			return nil, fmt.Errorf("image %s: %w", i.Name, err)
		}
		d = append(d, c)
	}
	return d, nil
}

// Apply sends, imports and marks the images of d. The mark is written after the
// archive was removed, so no archive remains after an interruption.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if err := (resource.Files{Dirs: m.marks().Dirs}).Apply(ctx, h, d); err != nil {
		return err
	}
	for _, i := range m.Images {
		var err error
		if d.Touches(i.Name) {
			err = i.bring(ctx, h)
		} else {
			err = i.marks().Apply(ctx, h, d)
		}
		if err != nil {
			return fmt.Errorf("image %s: %w", i.Name, err)
		}
	}
	return nil
}

// Redo imports all images, see modules.Replacer.
func (m Module) Redo(ctx context.Context, d change.Diff) (change.Diff, error) {
	for _, i := range m.Images {
		if d.Touches(i.Name) {
			continue
		}
		size, err := i.Source.Size(ctx)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", i.Name, err)
		}
		digest := "sha256:" + i.SHA256
		d = append(d, change.Change{Kind: change.Image, Action: change.Update, Item: i.Name, Have: digest, Want: digest,
			SHA256: i.SHA256, Bytes: size, Why: change.ReplaceAsked})
	}
	return d, nil
}

// Owns returns all items that the module may change, see modules.Owner.
func (m Module) Owns() []string {
	items := m.marks().Owns()
	for _, i := range m.Images {
		items = append(items, i.Name)
	}
	return items
}

func (i Image) bring(ctx context.Context, h host.Host) error {
	size, err := i.Source.Fetch(ctx)
	if err != nil {
		return err
	}
	spec := host.InstallSpec{Path: i.archive(), Mode: 0o600, Size: size, SHA256: i.SHA256}
	if err := h.Install(ctx, spec, i.open(ctx, size)); err != nil {
		return fmt.Errorf("send %s: %w", i.archive(), err)
	}
	if err := h.ImportImage(ctx, i.archive()); err != nil {
		return fmt.Errorf("import %s: %w", i.archive(), err)
	}
	names, err := h.Images(ctx)
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	if !slices.Contains(names, i.Name) {
		return fmt.Errorf("import %s: the archive holds no image of this name", i.archive())
	}
	if err := h.Remove(ctx, i.archive()); err != nil {
		return fmt.Errorf("remove %s: %w", i.archive(), err)
	}
	if err := h.WriteFile(ctx, i.mark()); err != nil {
		return fmt.Errorf("write %s: %w", i.mark().Path, err)
	}
	return nil
}

// open returns a function that opens the archive and reports progress as it is
// read.
func (i Image) open(ctx context.Context, size int64) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		f, err := i.Source.Open()
		if err != nil {
			return nil, err
		}
		return modules.Counted(ctx, f, 0, size), nil
	}
}

// marks returns the directory and the marks, in this order.
func (m Module) marks() resource.Files {
	f := resource.Files{Dirs: []host.DirSpec{{Path: dir, Mode: 0o700}}}
	for _, i := range m.Images {
		f.Files = append(f.Files, i.mark())
	}
	return f
}
