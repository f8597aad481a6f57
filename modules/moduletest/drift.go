package moduletest

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/host/keys"
)

// A drift is a change that somebody made by hand to what the module has made.
type drift struct {
	what string // "content of /etc/x"
	item string // the path, unit, setting or object
	pem  bool   // a key or certificate: what it has signed may change too
	wide bool   // the module may touch other files too, because they show the drift
	do   func(h *hosttest.Host) error
}

const unitDir = "/etc/systemd/system/"

// mendsDrift changes all that the module has made, one thing at a time.
func (c *config) mendsDrift(t *testing.T, want run) {
	finder := c.bench(t)
	finder.converge(finder.m, "")
	b := finder
	for _, dr := range drifts(finder.h, want.log) {
		if c.skip[dr.item] || b.mends(dr) {
			continue
		}
		b = c.bench(t)
		b.converge(b.m, "")
	}
}

// mends reports whether the module makes the host as it was before the drift.
func (b bench) mends(dr drift) bool {
	whole := snapshot(b.h)
	if err := dr.do(b.h.Admin()); err != nil {
		b.t.Errorf("drift: %s: %v", dr.what, err)
		return false
	}
	if snapshot(b.h) == whole && !dr.pem {
		return true // nothing changed, such as when a unit is stopped that had ended by itself
	}
	stamps := b.h.Stamps()
	d := b.check(b.m, "after drift: "+dr.what)
	if len(d) == 0 {
		b.t.Errorf("drift: %s: Check does not see it", dr.what)
		return false
	}
	b.owns(d)
	if err := b.apply(b.m, d); err != nil {
		b.t.Errorf("drift: %s: Apply: %v, for\n%s", dr.what, err, render(d))
		return false
	}
	if remaining := b.check(b.m, "after mending "+dr.what); len(remaining) > 0 {
		b.t.Errorf("drift: %s: Check still finds after Apply:\n%s", dr.what, render(remaining))
		return false
	}
	got := snapshot(b.h)
	if got != whole {
		b.t.Errorf("drift: %s: Apply does not restore it (-before +after):\n%s", dr.what, difference(whole, got))
	}
	for _, item := range changed(stamps, b.h.Stamps()) {
		if !dr.explains(item, d) {
			b.t.Errorf("drift: %s: Apply touches %s, which had not changed; Check had found\n%s", dr.what, item, render(d))
		}
	}
	return got == whole
}

// explains reports whether a file or unit may be touched to mend the drift.
func (dr drift) explains(item string, d change.Diff) bool {
	switch {
	case dr.wide:
		return true
	case item == dr.item || item == unitDir+dr.item || strings.HasPrefix(item, unitDir) && strings.HasSuffix(item, "/"+dr.item):
		return true
	case !strings.HasPrefix(item, "/"), dr.pem: // a unit that was restarted
		return d.Touches(item)
	}
	return false
}

// drifts returns what can be changed by hand, by the log of what was made.
func drifts(h *hosttest.Host, log []hosttest.Entry) []drift {
	var all []drift
	seen := map[hosttest.Entry]bool{}
	for _, e := range log {
		item := e.Item
		if e.Method == "Unit" {
			_, item, _ = strings.Cut(e.Item, " ")
		}
		if p, _, ok := strings.Cut(item, "?"); ok && strings.HasPrefix(e.Method, "Kube") {
			item = p
		}
		if key := (hosttest.Entry{Method: e.Method, Item: item}); item == "" || seen[key] {
			continue
		} else {
			seen[key] = true
		}
		switch e.Method {
		case "WriteFile", "Install", "EnsureKey", "MakeDir":
			all = append(all, fileDrifts(h, item)...)
		case "Symlink":
			all = append(all, drift{what: "removal of " + item, item: item, do: remove(item)})
		case "Unit":
			all = append(all, unitDrifts(item)...)
		case "SetSysctl":
			all = append(all, drift{what: "setting of " + item, item: item, do: func(h *hosttest.Host) error {
				return h.SetSysctl(context.Background(), item, "7")
			}})
		case "Run":
			all = append(all, userDrifts(h)...)
		case "ImportImage":
			all = append(all, drift{what: "loss of the images", item: item, wide: true, do: func(h *hosttest.Host) error {
				h.RemoveImages()
				return nil
			}})
		case "Kube PATCH", "Kube PUT", "Kube POST":
			all = append(all, objectDrifts(h, item)...)
		}
	}
	return slices.CompactFunc(all, func(a, b drift) bool { return a.what == b.what })
}

func fileDrifts(h *hosttest.Host, p string) []drift {
	files, err := h.Admin().Files(context.Background(), []host.FileQuery{{Path: p}})
	if err != nil || files[0].Type == host.Absent {
		return nil // it was removed later
	}
	f, content := files[0], h.Peek(p)
	pem := bytes.HasPrefix(content, []byte("-----BEGIN "))
	mode := uint32(0o600)
	if f.Mode == mode {
		mode = 0o644
	}
	set := func(what string, mode uint32, owner string) drift {
		return drift{what: what + " of " + p, item: p, do: func(h *hosttest.Host) error {
			if f.Type == host.Dir {
				return h.MakeDir(context.Background(), host.DirSpec{Path: p, Mode: mode, Owner: owner, Group: f.Group})
			}
			return h.WriteFile(context.Background(), host.FileSpec{Path: p, Mode: mode, Owner: owner, Group: f.Group, Content: h.Peek(p)})
		}}
	}
	all := []drift{set("mode", mode, f.Owner), set("owner", f.Mode, "nobody")}
	if f.Type != host.Regular {
		return all
	}
	return append(all,
		drift{what: "content of " + p, item: p, pem: pem, do: func(h *hosttest.Host) error {
			changed, err := altered(h.Peek(p))
			if err != nil {
				return err
			}
			return h.WriteFile(context.Background(), host.FileSpec{Path: p, Mode: f.Mode, Owner: f.Owner, Group: f.Group, Content: changed})
		}},
		drift{what: "removal of " + p, item: p, pem: pem, do: remove(p)})
}

// altered returns other content for a file: one more line, another key for a key,
// and nothing for a certificate.
func altered(content []byte) ([]byte, error) {
	switch {
	case keys.IsPrivate(content):
		return keys.New()
	case bytes.HasPrefix(content, []byte("-----BEGIN ")):
		return nil, nil
	}
	return append(content, "# drift\n"...), nil
}

func remove(p string) func(*hosttest.Host) error {
	return func(h *hosttest.Host) error { return h.Remove(context.Background(), p) }
}

func unitDrifts(name string) []drift {
	do := func(a host.UnitAction) func(*hosttest.Host) error {
		return func(h *hosttest.Host) error { return h.Unit(context.Background(), name, a) }
	}
	return []drift{
		{what: "stop of " + name, item: name, do: do(host.Stop)},
		{what: "disabling of " + name, item: name, do: disable(name)},
		{what: "masking of " + name, item: name, do: func(h *hosttest.Host) error {
			if err := h.Symlink(context.Background(), unitDir+name, "/dev/null"); err != nil {
				return err
			}
			return h.Unit(context.Background(), "", host.Reload)
		}},
	}
}

// disable disables a unit as systemctl does, which then reloads systemd.
func disable(name string) func(*hosttest.Host) error {
	return func(h *hosttest.Host) error {
		if err := h.Unit(context.Background(), name, host.Disable); err != nil {
			return err
		}
		return h.Unit(context.Background(), "", host.Reload)
	}
}

// userDrifts returns the deletion of each user that programs made.
func userDrifts(h *hosttest.Host) []drift {
	var all []drift
	for _, line := range strings.Split(h.Snapshot(), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "user" || bareUsers[f[1]] {
			continue
		}
		all = append(all, drift{what: "deletion of user " + f[1], item: f[1], do: func(h *hosttest.Host) error {
			_, err := h.Run(context.Background(), []string{"userdel", f[1]}, nil)
			return err
		}})
	}
	return all
}

var bareUsers = func() map[string]bool {
	users := map[string]bool{}
	for _, line := range strings.Split(hosttest.New("bare").Snapshot(), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "user" {
			users[f[1]] = true
		}
	}
	return users
}()

// objectDrifts returns the deletion of an object, and changes of what its manager
// wrote. Nodes are not deleted, because they belong to the kubelet.
func objectDrifts(h *hosttest.Host, p string) []drift {
	o := h.Cluster().Object(p)
	if o == nil || path.Base(path.Dir(p)) == "nodes" {
		return nil
	}
	all := []drift{{what: "deletion of " + p, item: p, do: request("DELETE", p, "")}}
	for field, patch := range map[string]string{
		"rules": `{"rules":[]}`, "subjects": `{"subjects":[]}`, "data": `{"data":null}`, "spec/replicas": `{"spec":{"replicas":7}}`,
	} {
		if h.Cluster().Managed(p, field) {
			all = append(all, drift{what: field + " of " + p, item: p, do: request("PATCH", p, patch)})
		}
	}
	return all
}

func request(method, p, body string) func(*hosttest.Host) error {
	return func(h *hosttest.Host) error {
		r, err := h.Kube(context.Background(), host.KubeRequest{Method: method, Path: p, ContentType: "application/merge-patch+json", Body: []byte(body)})
		if err == nil && r.Status != 200 {
			err = fmt.Errorf("status %d: %s", r.Status, r.Body)
		}
		return err
	}
}

// changed returns the names whose stamps are new or differ, sorted.
func changed(before, after map[string]time.Time) []string {
	var names []string
	for name, at := range after {
		if !at.Equal(before[name]) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}
