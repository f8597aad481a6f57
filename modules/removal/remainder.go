package removal

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/undo"
)

// A remainder is what is to be removed of a place.
type remainder struct {
	modules.Place
	whole bool     // the place itself goes
	names []string // in it, if not
}

// remainderOf returns what there is of a place that was not there before.
func remainderOf(p modules.Place, have host.File, before []string, existed bool) (remainder, bool) {
	r := remainder{Place: p, whole: !existed && p.Prefix == ""}
	switch {
	case have.Type == host.Absent:
		return r, false
	case r.whole:
		return r, true
	case have.Type != host.Dir:
		return r, false // it was there before
	}
	for _, name := range have.Entries {
		if strings.HasPrefix(name, p.Prefix) && !slices.Contains(before, name) {
			r.names = append(r.names, name)
		}
	}
	// A directory that has only ours is removed with the last of them.
	if p.Prefix != "" && !existed && len(r.names) == len(have.Entries) {
		r.whole, r.names = true, nil
	}
	return r, r.whole || len(r.names) > 0
}

// paths returns what is to be removed.
func (r remainder) paths() []string {
	if r.whole {
		return []string{r.Path}
	}
	var list []string
	for _, n := range r.names {
		list = append(list, path.Join(r.Path, n))
	}
	return list
}

// keepFilled drops the places that are for files of others where there are
// such files.
func (t *traces) keepFilled(ctx context.Context, h host.RemainsReader) error {
	var paths []string
	for _, r := range t.remainders {
		if r.Empty {
			paths = append(paths, r.paths()...)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	trees, err := h.Trees(ctx, paths)
	if err != nil {
		return err
	}
	t.remainders = slices.DeleteFunc(t.remainders, func(r remainder) bool {
		return slices.ContainsFunc(trees, func(tree host.Tree) bool {
			return (tree.Files > 0 || tree.More) && undo.Below(tree.Path, r.Path)
		})
	})
	return nil
}

// places returns the remainders as changes, each with its size.
func (t traces) places(ctx context.Context, h host.RemainsReader) (change.Diff, error) {
	var paths []string
	for _, r := range t.remainders {
		paths = append(paths, r.paths()...)
	}
	if len(paths) == 0 {
		return nil, nil
	}
	trees, err := h.Trees(ctx, paths)
	if err != nil {
		return nil, err
	}
	var d change.Diff
	for _, r := range t.remainders {
		var sum host.Tree
		for range r.paths() {
			sum.Files, sum.Bytes, sum.More = sum.Files+trees[0].Files, sum.Bytes+trees[0].Bytes, sum.More || trees[0].More
			trees = trees[1:]
		}
		why := size(sum) + ", of " + r.Who
		if !r.whole {
			why += "; what was there before stays"
		}
		d = append(d, change.Change{Kind: change.Directory, Action: change.Remove, Item: r.Path, Why: why})
	}
	return d, nil
}

// size returns the size of a tree in words.
func size(t host.Tree) string {
	files := fmt.Sprintf("%d files", t.Files)
	if t.Files == 1 {
		files = "1 file"
	}
	amount := fmt.Sprintf("%d kB", (t.Bytes+999)/1000)
	if t.Bytes >= 1e6 {
		amount = fmt.Sprintf("%d MB", (t.Bytes+5e5)/1e6)
	}
	if t.More {
		return "more than " + files + ", " + amount
	}
	return files + ", " + amount
}

// roots returns the places: nothing else is removed with all below it.
func (t traces) roots() []string {
	var list []string
	for _, r := range t.remainders {
		list = append(list, path.Clean(r.Path))
	}
	return list
}
