package resource

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
)

// Files are files and the directories they need. Directories come first in
// every order.
type Files struct {
	Dirs  []host.DirSpec
	Files []host.FileSpec
}

// Check compares all of them in one call.
func (w Files) Check(ctx context.Context, h host.Host) (modules.Diff, error) {
	have, err := h.Files(ctx, w.Queries())
	if err != nil {
		return nil, err
	}
	return w.Diff(have), nil
}

// Queries is what Diff needs to know.
func (w Files) Queries() []host.FileQuery {
	var q []host.FileQuery
	for _, d := range w.Dirs {
		q = append(q, host.FileQuery{Path: d.Path})
	}
	for _, f := range w.Files {
		q = append(q, host.FileQuery{Path: f.Path, Content: true})
	}
	return q
}

// Diff compares with the answers to Queries.
func (w Files) Diff(have []host.File) modules.Diff {
	var d modules.Diff
	for i, dir := range w.Dirs {
		d = append(d, diffDir(dir, have[i])...)
	}
	for i, f := range w.Files {
		d = append(d, diffFile(f, have[len(w.Dirs)+i])...)
	}
	return d
}

// Items are all paths, see modules.Owner.
func (w Files) Items() []string {
	var items []string
	for _, q := range w.Queries() {
		items = append(items, q.Path)
	}
	return items
}

// Apply makes what d touches.
func (w Files) Apply(ctx context.Context, h host.Host, d modules.Diff) error {
	for _, dir := range w.Dirs {
		if !d.Touches(dir.Path) {
			continue
		}
		if err := h.MakeDir(ctx, dir); err != nil {
			return fmt.Errorf("make %s: %w", dir.Path, err)
		}
	}
	for _, f := range w.Files {
		if !d.Touches(f.Path) {
			continue
		}
		if err := h.WriteFile(ctx, f); err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
	}
	return nil
}

func diffDir(want host.DirSpec, have host.File) modules.Diff {
	c := modules.Change{Kind: modules.Directory, Item: want.Path, Want: modules.Attrs(want.Mode, want.Owner, want.Group)}
	switch have.Type {
	case host.Absent:
		c.Action = modules.Add
	case host.Dir:
		c.Action, c.Have = modules.Update, modules.Attrs(have.Mode, have.Owner, have.Group)
		if c.Have == c.Want {
			return nil
		}
	default:
		c.Action, c.Have = modules.Replace, string(have.Type)
	}
	return modules.Diff{c}
}

func diffFile(want host.FileSpec, have host.File) modules.Diff {
	wantAttrs := modules.Attrs(want.Mode, want.Owner, want.Group)
	switch have.Type {
	case host.Absent:
		return modules.Diff{{Kind: modules.Text, Action: modules.Add, Item: want.Path, Want: string(want.Content), Why: unusual(want)}}
	case host.Regular:
	default:
		return modules.Diff{{Kind: modules.Attr, Action: modules.Replace, Item: want.Path, Have: string(have.Type), Want: "file"}}
	}
	var d modules.Diff
	if string(have.Content) != string(want.Content) {
		d = append(d, modules.Change{Kind: modules.Text, Action: modules.Update, Item: want.Path,
			Have: string(have.Content), Want: string(want.Content)})
	}
	if haveAttrs := modules.Attrs(have.Mode, have.Owner, have.Group); haveAttrs != wantAttrs {
		d = append(d, modules.Change{Kind: modules.Attr, Action: modules.Update, Item: want.Path,
			Have: haveAttrs, Want: wantAttrs})
	}
	return d
}

// unusual tells mode and owner of a new file where they are not the common ones.
func unusual(f host.FileSpec) string {
	if a := modules.Attrs(f.Mode, f.Owner, f.Group); a != modules.Attrs(0o644, "", "") {
		return a
	}
	return ""
}

// Parents are the directories of the files, 0755 and root's, each once and
// in order. Those that every system has are left out, and so are those below
// /etc/kubernetes in which several steps write: the account step makes them
// first, so that each directory stands in one diff alone.
func Parents(files ...host.FileSpec) []host.DirSpec {
	var dirs []host.DirSpec
	seen := map[string]bool{"/etc": true, "/etc/systemd/system": true, "/usr/local/bin": true, "/etc/sysctl.d": true, "/etc/modules-load.d": true,
		"/etc/kubernetes": true, "/etc/kubernetes/pki": true, "/etc/kubernetes/pki/etcd": true}
	for _, f := range files {
		dir := path.Dir(f.Path)
		if seen[dir] || strings.Count(dir, "/") < 2 {
			continue
		}
		seen[dir] = true
		dirs = append(dirs, host.DirSpec{Path: dir, Mode: 0o755})
	}
	return dirs
}
