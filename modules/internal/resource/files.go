package resource

import (
	"context"
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// Files are files and the directories that they need. Directories come first in
// all results.
type Files struct {
	Dirs  []host.DirSpec
	Files []host.FileSpec
}

// Check compares all of them in one call.
func (w Files) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	have, err := h.Files(ctx, w.Queries())
	if err != nil {
		return nil, err
	}
	return w.Diff(have), nil
}

// Queries returns the questions to a host whose answers Diff needs.
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
func (w Files) Diff(have []host.File) change.Diff {
	var d change.Diff
	for i, dir := range w.Dirs {
		d = append(d, diffDir(dir, have[i])...)
	}
	for i, f := range w.Files {
		d = append(d, diffFile(f, have[len(w.Dirs)+i])...)
	}
	return d
}

// Owns returns all paths, see modules.Owner.
func (w Files) Owns() []string {
	var items []string
	for _, q := range w.Queries() {
		items = append(items, q.Path)
	}
	return items
}

// Apply makes the files and directories in d.
func (w Files) Apply(ctx context.Context, h host.Host, d change.Diff) error {
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

func diffDir(want host.DirSpec, have host.File) change.Diff {
	c := change.Change{Kind: change.Directory, Item: want.Path, Want: change.Attrs(want.Mode, want.Owner, want.Group)}
	switch have.Type {
	case host.Absent:
		c.Action = change.Add
	case host.Dir:
		c.Action, c.Have = change.Update, change.Attrs(have.Mode, have.Owner, have.Group)
		if c.Have == c.Want {
			return nil
		}
	default:
		c.Action, c.Have = change.Replace, string(have.Type)
	}
	return change.Diff{c}
}

func diffFile(want host.FileSpec, have host.File) change.Diff {
	wantAttrs := change.Attrs(want.Mode, want.Owner, want.Group)
	switch have.Type {
	case host.Absent:
		return change.Diff{{Kind: change.Text, Action: change.Add, Item: want.Path, Want: string(want.Content), Why: unusual(want)}}
	case host.Regular:
	default:
		return change.Diff{{Kind: change.Attr, Action: change.Replace, Item: want.Path, Have: string(have.Type), Want: "file"}}
	}
	var d change.Diff
	if string(have.Content) != string(want.Content) {
		d = append(d, change.Change{Kind: change.Text, Action: change.Update, Item: want.Path,
			Have: string(have.Content), Want: string(want.Content)})
	}
	if haveAttrs := change.Attrs(have.Mode, have.Owner, have.Group); haveAttrs != wantAttrs {
		d = append(d, change.Change{Kind: change.Attr, Action: change.Update, Item: want.Path,
			Have: haveAttrs, Want: wantAttrs})
	}
	return d
}

// unusual returns mode and owner of a new file; "" if they are 0644 and root.
func unusual(f host.FileSpec) string {
	if a := change.Attrs(f.Mode, f.Owner, f.Group); a != change.Attrs(0o644, "", "") {
		return a
	}
	return ""
}

// Parents returns the directories of the files, each once and in order, with mode
// 0755 and owner root. It omits those that every system has, and those below
// /etc/kubernetes that several steps write into: the account step makes these
// first, so that each directory is in only one diff.
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

// A Config is a configuration file with fields.
type Config struct {
	Path   string
	Fields map[string]any
	// Encode writes maps with sorted keys and one field a line: so a setting that
	// differs is one line of a diff. nil writes YAML.
	Encode func(fields any) ([]byte, error)
}

// file returns the file, with mode 0644.
func (c Config) file() (host.FileSpec, error) {
	encode := c.Encode
	if encode == nil {
		encode = yaml.Marshal
	}
	fields, err := Plain(c.Fields)
	if err != nil {
		return host.FileSpec{}, fmt.Errorf("make %s: %w", c.Path, err)
	}
	content, err := encode(fields)
	if err != nil {
		return host.FileSpec{}, fmt.Errorf("make %s: %w", c.Path, err)
	}
	return host.FileSpec{Path: c.Path, Mode: 0o644, Content: content}, nil
}
