package hosttest

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// unitDirs are the directories of unit files; the first one that has the unit
// counts.
var unitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"}

// A unitFile is a unit's settings with its drop-ins, keyed "Service.ExecStart".
type unitFile struct {
	path     string
	dropIns  []string
	masked   bool
	settings map[string][]string
	text     string
	mtime    time.Time // of the newest of its files
}

func (f *unitFile) all(key string) []string { return f.settings[key] }

// last returns the last value of a setting, which counts if only one is
// allowed.
func (f *unitFile) last(key string) string {
	if v := f.settings[key]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// words returns all values of a list setting.
func (f *unitFile) words(key string) []string {
	return strings.Fields(strings.Join(f.settings[key], " "))
}

// variable returns a variable of the environment that its programs get.
func (f *unitFile) variable(name string) string {
	value := ""
	for _, v := range f.words("Service.Environment") {
		if after, ok := strings.CutPrefix(v, name+"="); ok {
			value = after
		}
	}
	return value
}

// readUnit reads a unit from disk; nil if there is none.
func (m *machine) readUnit(name string) *unitFile {
	for _, dir := range unitDirs {
		p := dir + "/" + name
		at, err := m.tree.resolve("open", p, true)
		if err != nil {
			continue
		}
		n := m.tree.get(at)
		if n == nil {
			continue
		}
		f := &unitFile{path: p, settings: map[string][]string{}}
		f.mtime = n.mtime
		if at == "/dev/null" || n.kind == host.Regular && len(n.content) == 0 {
			f.masked = true
			return f
		}
		if n.kind != host.Regular {
			continue
		}
		f.parse(string(n.content))
		m.readDropIns(f, name)
		return f
	}
	return nil
}

func (m *machine) readDropIns(f *unitFile, name string) {
	seen := map[string]bool{}
	for _, dir := range unitDirs {
		for _, conf := range m.tree.children(dir + "/" + name + ".d") {
			p := path.Join(dir, name+".d", conf)
			if n := m.tree.open(p); strings.HasSuffix(conf, ".conf") && !seen[conf] && n != nil && n.kind == host.Regular {
				seen[conf] = true
				f.dropIns = append(f.dropIns, p)
				f.parse(string(n.content))
				f.mtime = latest(f.mtime, n.mtime)
			}
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// unread reports whether the unit on disk is another than the one that
// systemd read; nil means none. Like systemd it compares times and paths,
// never contents.
func unread(read, disk *unitFile) bool {
	if read == nil || disk == nil {
		return read != disk
	}
	return read.path != disk.path || read.masked != disk.masked || !slices.Equal(read.dropIns, disk.dropIns) || disk.mtime.After(read.mtime)
}

// parse adds settings. An empty value deletes the ones before it.
func (f *unitFile) parse(text string) {
	f.text += text + "\x00"
	section := ""
	for _, line := range strings.Split(strings.ReplaceAll(text, "\\\n", " "), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		key, value = section+"."+strings.TrimSpace(key), strings.TrimSpace(value)
		if value == "" {
			delete(f.settings, key)
			continue
		}
		f.settings[key] = append(f.settings[key], value)
	}
}

// A command is a line of ExecStart or a similar setting.
type command struct {
	argv   []string
	ignore bool // "-": a failure is ignored
	asRoot bool // "+" or "!": runs as root
}

func parseCommand(line string) command {
	var c command
	for line != "" && strings.ContainsRune("-@:+!|", rune(line[0])) {
		c.ignore = c.ignore || line[0] == '-'
		c.asRoot = c.asRoot || line[0] == '+' || line[0] == '!'
		line = line[1:]
	}
	c.argv = splitWords(line)
	return c
}

// splitWords splits at spaces that are not in quotes.
func splitWords(line string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	in := false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, in = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if in {
				words = append(words, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if in {
		words = append(words, word.String())
	}
	return words
}
