package undo

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// Observed is what is there of the things.
type Observed struct {
	items      Items
	files      map[string]host.File // things and kept originals
	units      map[string]host.Unit
	sysctls    map[string]string
	images     []string
	imagesDown bool

	removed map[string]bool // paths that are removed before the things that are still to be judged
}

// Without has Judge take paths for removed by other means.
func (s *Observed) Without(paths ...string) {
	for _, p := range paths {
		s.removed[p] = true
	}
}

// Observe reads all of it at once.
func (m Items) Observe(ctx context.Context, h host.Reader) (*Observed, error) {
	s := &Observed{items: m, files: map[string]host.File{}, units: map[string]host.Unit{}, removed: map[string]bool{}}
	var queries []host.FileQuery
	var units, sysctls []string
	images := false
	for _, o := range m.inOrder() {
		switch {
		case o.Kind == change.Unit:
			units = append(units, o.Item)
		case o.Kind == change.Sysctl:
			sysctls = append(sysctls, o.Item)
		case o.Kind == change.Image:
			images = true
		case o.Kind == change.Directory && isPlain(o.Item):
			queries = append(queries, host.FileQuery{Path: o.Item, List: true})
		case isFile(o):
			queries = append(queries, host.FileQuery{Path: o.Item, Content: o.Content() == change.Written, Digest: o.SHA256 != ""})
			if isKept(o) {
				queries = append(queries, host.FileQuery{Path: o.Original})
			}
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	if len(queries) > 0 {
		g.Go(func() error { return s.readFiles(ctx, h, queries) })
	}
	if len(units) > 0 {
		g.Go(func() error { return s.readUnits(ctx, h, units) })
	}
	if len(sysctls) > 0 {
		g.Go(func() (err error) { s.sysctls, err = h.Sysctls(ctx, sysctls); return err })
	}
	if images {
		g.Go(func() error { return s.readImages(ctx, h) })
	}
	return s, g.Wait()
}

func (s *Observed) readFiles(ctx context.Context, h host.FileReader, queries []host.FileQuery) error {
	have, err := h.Files(ctx, queries)
	for _, f := range have {
		s.files[f.Path] = f
	}
	return err
}

func (s *Observed) readUnits(ctx context.Context, h host.UnitReader, names []string) error {
	have, err := h.Units(ctx, names)
	for _, u := range have {
		s.units[u.Name] = u
	}
	return err
}

func (s *Observed) readImages(ctx context.Context, h host.PodReader) (err error) {
	s.images, err = h.Images(ctx)
	if errors.Is(err, host.ErrUnavailable) {
		s.imagesDown, err = true, nil
	}
	return err
}

// parseAttrs reads "0755 root:root".
func parseAttrs(p, attrs string) (host.DirSpec, bool) {
	mode, owner, _ := strings.Cut(attrs, " ")
	user, group, ok := strings.Cut(owner, ":")
	n, err := strconv.ParseUint(mode, 8, 32)
	return host.DirSpec{Path: p, Mode: uint32(n), Owner: user, Group: group}, ok && err == nil && user != "" && group != ""
}

// Below reports whether a path is dir or lies below it.
func Below(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
