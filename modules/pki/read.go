package pki

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/host"
)

// read returns the contents of public files and the public halves of keys, in the
// order of the paths. It costs one round trip.
func read(ctx context.Context, h host.Reader, paths, keyPaths []string) (files []host.File, keys []host.Key, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		q := make([]host.FileQuery, len(paths))
		for i, p := range paths {
			q[i] = host.FileQuery{Path: p, Content: true}
		}
		files, err = h.Files(ctx, q)
		return err
	})
	g.Go(func() (err error) {
		keys, err = h.Keys(ctx, keyPaths)
		return err
	})
	err = g.Wait()
	return files, keys, err
}
