package undo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
	"github.com/pmkctl/pmkctl/state"
)

const (
	unitText = "[Unit]\nDescription=x\n\n[Service]\nExecStart=/usr/local/bin/x\n\n[Install]\nWantedBy=multi-user.target\n"
	vendor   = "[Unit]\nDescription=x of the vendor\n\n[Service]\nExecStart=/usr/local/bin/x\n\n[Install]\nWantedBy=multi-user.target\n"
	kept     = state.OriginalDir
)

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// must does things on a host's console.
func must(errs ...error) {
	for _, err := range errs {
		if err != nil {
			panic(err)
		}
	}
}

func file(h *hosttest.Host, p, content string) {
	must(h.MakeDir(context.Background(), host.DirSpec{Path: p[:strings.LastIndex(p, "/")], Mode: 0o755}),
		h.WriteFile(context.Background(), host.FileSpec{Path: p, Mode: 0o644, Content: []byte(content)}))
}

// service is a unit that runs.
func service(h *hosttest.Host) {
	hosttest.WithPrograms("x")(h)
	file(h, change.UnitFile("x.service"), unitText)
	for _, do := range []host.UnitAction{host.Enable, host.Reload, host.Start} {
		must(h.Unit(context.Background(), "x.service", do))
	}
}

func text(path, content, original string) item {
	return item{path, state.Owned{Kind: change.Text, SHA256: digest(content), Original: original}}
}

func itemsOf(list []item) Items {
	m := Items{}
	for _, o := range list {
		m[o.Item] = o.Owned
	}
	return m
}

// TestConverges removes what pmkctl made, cut off everywhere.
func TestConverges(t *testing.T) {
	unit := item{"x.service", state.Owned{Kind: change.Unit}}
	tests := []struct {
		name    string
		owns    []item
		prepare func(h *hosttest.Host)
	}{
		{"a service and its files", []item{text("/etc/x/x.conf", "a\n", ""), text(change.UnitFile("x.service"), unitText, ""), unit,
			{"/etc/x", state.Owned{Kind: change.Directory}}, {"/usr/local/bin/x", state.Owned{Kind: change.Transfer}}}, func(h *hosttest.Host) {
			service(h)
			file(h, "/etc/x/x.conf", "a\n")
		}},
		{"what stood there before", []item{text("/etc/x/x.conf", "a\n", kept+"/etc/x/x.conf"),
			text(change.UnitFile("x.service"), unitText, kept+change.UnitFile("x.service")), {"x.service", state.Owned{Kind: change.Unit, Original: "enabled, active"}}},
			func(h *hosttest.Host) {
				service(h)
				file(h, "/etc/x/x.conf", "a\n")
				file(h, kept+"/etc/x/x.conf", "foreign\n")
				file(h, kept+change.UnitFile("x.service"), vendor)
			}},
		{"what stood there before, of the same content", []item{{"/etc/x/x.conf", state.Owned{Kind: change.Attr, SHA256: digest("a\n"), Original: kept + "/etc/x/x.conf"}}},
			func(h *hosttest.Host) {
				file(h, "/etc/x/x.conf", "a\n")
				file(h, kept+"/etc/x/x.conf", "a\n")
			}},
		{"a unit over the vendor's", []item{text(change.UnitFile("x.service"), unitText, ""), {"x.service", state.Owned{Kind: change.Unit, Original: "enabled, active"}}},
			func(h *hosttest.Host) {
				service(h)
				file(h, "/usr/lib/systemd/system/x.service", vendor)
			}},
		{"settings, keys and links", []item{{"net.ipv4.ip_forward", state.Owned{Kind: change.Sysctl, Want: "1", Original: "0"}},
			{"/etc/x.key", state.Owned{Kind: change.PrivKey}}, {"/etc/x.link", state.Owned{Kind: change.Symlink}}}, func(h *hosttest.Host) {
			_, err := h.EnsureKey(context.Background(), host.KeySpec{Path: "/etc/x.key", Mode: 0o600})
			must(err, h.SetSysctl(context.Background(), "net.ipv4.ip_forward", "1"), h.Symlink(context.Background(), "/etc/x.link", "/etc/hosts"))
		}},
		{"a directory that was there", []item{{"/etc/x", state.Owned{Kind: change.Directory, Original: "0700 root:root"}}}, func(h *hosttest.Host) {
			file(h, "/etc/x/foreign", "a\n")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			moduletest.Converges(t, itemsOf(tt.owns), moduletest.Prepare(tt.prepare), moduletest.Goldens(""), moduletest.NoReboot(), moduletest.Removes())
		})
	}
}

// TestJudge judges single things.
func TestJudge(t *testing.T) {
	conf := text("/etc/x/x.conf", "a\n", "")
	replaced := text("/etc/x/x.conf", "a\n", kept+"/etc/x/x.conf")
	dir := item{"/etc/x", state.Owned{Kind: change.Directory}}
	sysctl := item{"net.ipv4.ip_forward", state.Owned{Kind: change.Sysctl, Want: "1", Original: "0"}}
	tests := []struct {
		name    string
		owns    []item
		prepare func(h *hosttest.Host)
		fate    Fate // of the first
		drift   bool
		why     string
	}{
		{name: "gone", owns: []item{conf}, fate: Done, why: "gone already"},
		{name: "edited", owns: []item{conf}, prepare: func(h *hosttest.Host) { file(h, "/etc/x/x.conf", "b\n") }, fate: Remove, drift: true},
		{name: "a directory in its place", owns: []item{conf}, prepare: func(h *hosttest.Host) { file(h, "/etc/x/x.conf/y", "b\n") }, fate: Keep, why: "directory"},
		{name: "put back before", owns: []item{replaced}, prepare: func(h *hosttest.Host) { file(h, "/etc/x/x.conf", "foreign\n") }, fate: Done, why: "back already"},
		{name: "put back before, and alike", owns: []item{replaced}, prepare: func(h *hosttest.Host) { file(h, "/etc/x/x.conf", "a\n") }, fate: Done, why: "back already"},
		{name: "removed, with an original", owns: []item{replaced}, prepare: func(h *hosttest.Host) { file(h, kept+"/etc/x/x.conf", "f\n") }, fate: Remove, why: "put back"},
		{name: "not empty", owns: []item{dir}, prepare: func(h *hosttest.Host) { file(h, "/etc/x/theirs", "b\n") }, fate: Keep, why: "not empty"},
		{name: "set by somebody else", owns: []item{sysctl}, prepare: func(h *hosttest.Host) { must(h.SetSysctl(context.Background(), sysctl.Item, "2")) }, fate: Done, why: "somebody else"},
		{name: "set back", owns: []item{sysctl}, prepare: func(h *hosttest.Host) { must(h.SetSysctl(context.Background(), sysctl.Item, "0")) }, fate: Done, why: "as it was"},
		{name: "set back to nothing", owns: []item{{"net.ipv4.ip_local_reserved_ports", state.Owned{Kind: change.Sysctl, Want: "1", Original: "(empty)"}}}, prepare: func(h *hosttest.Host) {
			must(h.SetSysctl(context.Background(), "net.ipv4.ip_local_reserved_ports", "1"))
		}, fate: Remove, why: "set back to (empty)"},
		{name: "kernel module", owns: []item{{"overlay", state.Owned{Kind: change.KernelModule}}}, fate: Done, why: "next boot"},
		{name: "image without containerd", owns: []item{{"r/x:1", state.Owned{Kind: change.Image}}}, fate: Keep, why: "does not run"},
		{name: "user", owns: []item{{"etcd", state.Owned{Kind: change.Account}}}, fate: Keep, why: "does not remove"},
		{name: "object", owns: []item{{"node/x", state.Owned{Kind: change.Object}}}, fate: Keep, why: "does not remove"},
		{name: "of a later pmkctl", owns: []item{{"/etc/x", state.Owned{Kind: change.Kind{Class: "volume"}}}}, fate: Keep, why: "does not remove"},
		{name: "no path", owns: []item{{"etc/x", state.Owned{Kind: change.Text}}}, fate: Keep, why: "does not remove"},
		{name: "path with ..", owns: []item{{"/etc/x/../hosts", state.Owned{Kind: change.Text}}}, fate: Keep, why: "does not remove"},
		{name: "root", owns: []item{{"/", state.Owned{Kind: change.Directory}}}, fate: Keep, why: "does not remove"},
		{name: "an original that nobody kept", owns: []item{text("/etc/x/x.conf", "a\n", "/etc/hosts")}, prepare: func(h *hosttest.Host) {
			file(h, "/etc/x/x.conf", "a\n")
			file(h, "/etc/hosts", "b\n")
		}, fate: Done, why: "back already"},
		{name: "stopped unit", owns: []item{{"x.service", state.Owned{Kind: change.Unit}}}, fate: Done, why: "gone already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hosttest.New("a")
			if tt.prepare != nil {
				tt.prepare(h.Admin())
			}
			got, err := itemsOf(tt.owns).Judge(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Fate != tt.fate || got[0].Change.Drift != tt.drift || !strings.Contains(got[0].Change.Why, tt.why) {
				t.Errorf("got %s because %q, want %s because %q", got[0].Fate, got[0].Change.Why, tt.fate, tt.why)
			}
		})
	}
}

// TestOrder: all settings come before files, whatever their names.
func TestOrder(t *testing.T) {
	owns := Items{"x.service": {Kind: change.Unit}, "r/x:1": {Kind: change.Image}, "net.ipv4.ip_forward": {Kind: change.Sysctl}, "overlay": {Kind: change.KernelModule},
		state.Membership: {Kind: change.Membership}, "/etc/x/x.conf": {Kind: change.Text}, "/etc/x": {Kind: change.Directory}, "/etc/x/y": {Kind: change.Directory}}
	var got []string
	for _, i := range owns.inOrder() {
		got = append(got, i.Item)
	}
	want := []string{"x.service", "r/x:1", state.Membership, "net.ipv4.ip_forward", "overlay", "/etc/x/x.conf", "/etc/x/y", "/etc/x"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestImages are removed while containerd still runs.
func TestImages(t *testing.T) {
	h := hosttest.New("a", hosttest.WithPrograms("ctr", "containerd"))
	m := itemsOf([]item{{"r/x:1", state.Owned{Kind: change.Image}}, {"containerd.service", state.Owned{Kind: change.Unit}}})
	file(h.Admin(), change.UnitFile("containerd.service"), strings.ReplaceAll(unitText, "bin/x", "bin/containerd"))
	for _, do := range []host.UnitAction{host.Enable, host.Reload, host.Start} {
		must(h.Unit(t.Context(), "containerd.service", do))
	}
	file(h.Admin(), "/var/x.tar", "archive")
	h.ImageArchive(digest("archive"), "r/x:1", "r/y:1")
	must(h.ImportImage(t.Context(), "/var/x.tar"))
	d, err := m.Check(t.Context(), h)
	if err != nil || len(d) != 2 {
		t.Fatalf("got %v, %v", d, err)
	}
	if err := m.Apply(t.Context(), h, d); err != nil {
		t.Fatal(err)
	}
	if got := h.Snapshot(); strings.Contains(got, "r/x:1") || !strings.Contains(got, "r/y:1") {
		t.Errorf("images are wrong in\n%s", got)
	}
}
