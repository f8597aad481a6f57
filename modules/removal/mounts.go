package removal

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/undo"
)

// netns is where network namespaces of pods are.
const netns = "/run/netns"

// podMounts returns the paths that components mounted, the last one first.
// What an administrator mounted, such as a disk at /var/lib/kubelet, stays.
func (m Stop) podMounts(ctx context.Context, h host.RemainsReader) ([]string, error) {
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	others, patterns := othersUseCNI(m.Record), m.Footprints.Mounts()
	var paths []string
	for _, mount := range slices.Backward(mounts) {
		if matches(mount.Path, patterns) && !(others && undo.Below(mount.Path, netns)) {
			paths = append(paths, mount.Path)
		}
	}
	return paths, nil
}

// matches reports whether a path has one of the patterns, see
// modules.Footprint.
func matches(p string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		depth, dir := strings.Count(pattern, "/"), strings.HasSuffix(pattern, "/")
		parts := strings.SplitN(p, "/", depth+2)
		if dir {
			if len(parts) <= depth {
				return false
			}
			parts, pattern = parts[:depth], strings.TrimSuffix(pattern, "/")
		}
		ok, _ := path.Match(pattern, strings.Join(parts, "/")) // the patterns are good
		return ok
	})
}
