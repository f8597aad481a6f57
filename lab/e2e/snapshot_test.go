//go:build e2e

package e2e

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pmkctl/pmkctl/lab"
)

//go:embed walk.py
var walk string

// A file is the part of a file that is compared.
type file struct {
	what  string // type, mode, owner, digest
	mtime int64
}

// folder reports whether the file is a folder. Its time shows only that its
// entries changed.
func (f file) folder() bool { return strings.HasPrefix(f.what, "40") }

// A snapshot is all files of all hosts, by host and path.
type snapshot map[string]map[string]file

// compared are the folders in which pmkctl could leave something. The last one
// has its locks.
var compared = []string{"/etc", "/usr", "/opt", "/var", "/root", "/home", "/run/pmkctl"}

// alive are folders with data of running components, which change by
// themselves.
var alive = []string{"/var/log", "/var/lib/etcd", "/var/lib/containerd", "/var/lib/kubelet/pods", "/var/lib/cni"}

func take(t *testing.T, l *lab.Lab) snapshot {
	t.Helper()
	return takeExcept(t, l, alive)
}

// takeExcept takes a snapshot without some folders.
func takeExcept(t *testing.T, l *lab.Lab, skip []string) snapshot {
	t.Helper()
	s := snapshot{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, h := range l.Hosts() {
		wg.Go(func() {
			argv := append([]string{"python3", "-c", walk, strings.Join(skip, ",")}, compared...)
			out, err := h.Exec(t.Context(), argv...)
			if err != nil {
				t.Error(err)
			}
			files := map[string]file{}
			for line := range strings.Lines(out) {
				f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 5)
				mtime, err := strconv.ParseInt(f[0], 10, 64)
				if err != nil || len(f) != 5 {
					t.Errorf("%s: cannot read %q", h.Name, line)
					continue
				}
				files[f[4]] = file{what: strings.Join(f[1:4], " "), mtime: mtime}
			}
			mu.Lock()
			defer mu.Unlock()
			s[h.Name] = files
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return s
}

// mayAppear are files that even a run without changes may leave: the agent's
// executable, locks, and what sudo notes about its users.
var mayAppear = regexp.MustCompile(`^(/var/lib/pmkctl|/var/lib/pmkctl/agent(/.*)?|/run/pmkctl(/[a-z]+\.lock)?|/var/lib/sudo/lectured(/.*)?|/home/[a-z]+/\.sudo_as_admin_successful)$`)

// same fails the test for every file that has changed.
func (before snapshot) same(t *testing.T, after snapshot) {
	t.Helper()
	before.sameExcept(t, after, mayAppear)
}

// sameExcept is like same, except for some paths.
func (before snapshot) sameExcept(t *testing.T, after snapshot, excused *regexp.Regexp) {
	t.Helper()
	for host, files := range before {
		for _, path := range slices.Sorted(maps.Keys(union(files, after[host]))) {
			was, is := files[path].what, after[host][path].what
			if was != is && !excused.MatchString(path) {
				t.Errorf("%s: %s was %q, is %q", host, path, was, is)
			}
		}
	}
}

func union(a, b map[string]file) map[string]file {
	u := maps.Clone(a)
	maps.Copy(u, b)
	return u
}

// unchanged runs f and fails the test if any file on any host has changed.
func unchanged(t *testing.T, l *lab.Lab, f func()) {
	t.Helper()
	before := take(t, l)
	f()
	before.same(t, take(t, l))
}

// owned returns the paths in pmkctl's records, by host.
func owned(t *testing.T, l *lab.Lab) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, h := range l.Hosts() {
		var record struct {
			Owns map[string]struct{}
		}
		must(t, json.Unmarshal([]byte(on(t, h, "cat", "/var/lib/pmkctl/record.json")), &record))
		for item := range record.Owns {
			if strings.HasPrefix(item, "/") {
				all[h.Name] = append(all[h.Name], item)
			}
		}
		if len(all[h.Name]) < 20 {
			t.Fatalf("%s: the record names only %d files", h.Name, len(all[h.Name]))
		}
	}
	return all
}

// written returns the owned files whose content, owner, mode or time has
// changed.
func (before snapshot) written(after snapshot, owned map[string][]string) []string {
	var list []string
	for host, paths := range owned {
		for _, p := range paths {
			if before[host][p] != after[host][p] && !after[host][p].folder() {
				list = append(list, host+" "+p)
			}
		}
	}
	slices.Sort(list)
	return list
}

// activations returns when each service of each host was last started.
func activations(t *testing.T, l *lab.Lab) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, h := range l.Hosts() {
		out := on(t, h, "systemctl", "show", "--all", "--property=Id,ActiveEnterTimestampMonotonic", "*.service")
		for unit := range strings.SplitSeq(out, "\n\n") {
			var id, entered string
			for line := range strings.Lines(unit) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				if name == "Id" {
					id = value
				} else {
					entered = value
				}
			}
			if id != "" && entered != "0" && !ownTimer(id) {
				all[fmt.Sprintf("%s %s", h.Name, id)] = entered
			}
		}
	}
	return all
}

// ownTimer reports whether a unit is started by timers and logins of the host
// itself.
func ownTimer(unit string) bool {
	return strings.HasPrefix(unit, "user") || strings.HasPrefix(unit, "systemd-tmpfiles") || strings.HasPrefix(unit, "logrotate")
}

// restarted returns the units that were started between two results of
// activations.
func restarted(before, after map[string]string) []string {
	var list []string
	for unit, entered := range after {
		if before[unit] != entered {
			list = append(list, unit)
		}
	}
	slices.Sort(list)
	return list
}
