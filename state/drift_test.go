package state

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

// left is a host as pmkctl left it, and its record.
func left(t *testing.T) (*hosttest.Host, *Record) {
	t.Helper()
	h := hosttest.New("a", hosttest.WithPrograms("x", "containerd"), hosttest.WithImages("r/x:1"))
	ctx, console := t.Context(), h.Admin()
	unit := func(name, program string) string {
		return "[Unit]\nDescription=x\n\n[Service]\nExecStart=/usr/local/bin/" + program + "\n\n[Install]\nWantedBy=multi-user.target\n"
	}
	hosttest.WithFile("/etc/x", "ours\n")(console)
	hosttest.WithService("containerd")(console)
	hosttest.WithFile("/etc/systemd/system/x.service", unit("x.service", "x"))(console)
	for _, err := range []error{
		console.MakeDir(ctx, host.DirSpec{Path: "/etc/x.d", Mode: 0o755}), console.Symlink(ctx, "/etc/x.link", "/etc/x"),
		console.SetSysctl(ctx, "net.ipv4.ip_forward", "1"), console.LoadModule(ctx, "overlay"),
		console.Unit(ctx, "x.service", host.Enable), console.Unit(ctx, "", host.Reload), console.Unit(ctx, "x.service", host.Start),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := console.EnsureKey(ctx, host.KeySpec{Path: "/etc/x.key", Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	return h, &Record{Owns: map[string]Owned{
		"/etc/x":              {Kind: change.Text, Step: address.MustParse("x.a"), SHA256: digest("ours\n"), Attrs: "0644 root:root"},
		"/etc/x.d":            {Kind: change.Directory, Step: address.MustParse("x.a"), Want: "0755 root:root"},
		"/etc/x.link":         {Kind: change.Symlink, Step: address.MustParse("x.a"), Want: "/etc/x"},
		"/etc/x.key":          {Kind: change.PrivKey, Step: address.MustParse("x.a"), Attrs: "0600 root:root"},
		"net.ipv4.ip_forward": {Kind: change.Sysctl, Step: address.MustParse("x.a"), Want: "1"},
		"overlay":             {Kind: change.KernelModule, Step: address.MustParse("x.a"), Want: "loaded"},
		"x.service":           {Kind: change.Unit, Step: address.MustParse("x.a"), Want: "enabled, active"},
		"daemon":              {Kind: change.Account, Step: address.MustParse("x.a"), Want: "a user"},
		"r/x:1":               {Kind: change.Image, Step: address.MustParse("x.a"), SHA256: "00"},
		"node/a":              {Kind: change.Object, Step: address.MustParse("node.a"), Want: "Ready"},
		Membership:            {Kind: change.Membership, Step: address.MustParse("member.a"), Want: "lab"},
	}}
}

// TestDrift does one thing at a time to a host.
func TestDrift(t *testing.T) {
	ctx := context.Background()
	write := func(p, content string, mode uint32) func(*hosttest.Host) error {
		return func(h *hosttest.Host) error {
			return h.WriteFile(ctx, host.FileSpec{Path: p, Mode: mode, Content: []byte(content)})
		}
	}
	remove := func(p string) func(*hosttest.Host) error {
		return func(h *hosttest.Host) error { return h.Remove(ctx, p) }
	}
	tests := []struct {
		name string
		do   func(h *hosttest.Host) error
		owns func(r *Record)
		want []Drift
	}{
		{name: "nothing"},
		{name: "edited", do: write("/etc/x", "theirs\n", 0o644), want: []Drift{{Item: "/etc/x", What: OfContent}}},
		{name: "edited, and its mode", do: write("/etc/x", "theirs\n", 0o600),
			want: []Drift{{Item: "/etc/x", What: OfContent}, {Item: "/etc/x", What: OfMode, Was: "0644 root:root", Is: "0600 root:root"}}},
		{name: "removed", do: remove("/etc/x"), want: []Drift{{Item: "/etc/x", What: IsGone}}},
		{name: "a link in its place", do: func(h *hosttest.Host) error { return h.Symlink(ctx, "/etc/x", "/etc/y") },
			want: []Drift{{Item: "/etc/x", What: OfType, Was: "file", Is: "link"}}},
		{name: "a directory's mode", do: func(h *hosttest.Host) error { return h.MakeDir(ctx, host.DirSpec{Path: "/etc/x.d", Mode: 0o700}) },
			want: []Drift{{Item: "/etc/x.d", What: OfMode, Was: "0755 root:root", Is: "0700 root:root"}}},
		{name: "a link's target", do: func(h *hosttest.Host) error { return h.Symlink(ctx, "/etc/x.link", "/etc/y") },
			want: []Drift{{Item: "/etc/x.link", What: OfValue, Was: "/etc/x", Is: "/etc/y"}}},
		{name: "a key", do: remove("/etc/x.key"), want: []Drift{{Item: "/etc/x.key", What: IsGone}}},
		{name: "a setting", do: func(h *hosttest.Host) error { return h.SetSysctl(ctx, "net.ipv4.ip_forward", "0") },
			want: []Drift{{Item: "net.ipv4.ip_forward", What: OfValue, Was: "1", Is: "0"}}},
		{name: "an empty setting", do: func(h *hosttest.Host) error { return h.SetSysctl(ctx, "net.ipv4.ip_forward", "") },
			want: []Drift{{Item: "net.ipv4.ip_forward", What: OfValue, Was: "1"}}},
		{name: "a service", do: func(h *hosttest.Host) error { return h.Unit(ctx, "x.service", host.Stop) },
			want: []Drift{{Item: "x.service", What: OfState, Was: "enabled, active", Is: "enabled, inactive"}}},
		{name: "images", do: func(h *hosttest.Host) error { h.RemoveImages(); return nil }, want: []Drift{{Item: "r/x:1", What: IsGone}}},
		{name: "containerd is down", do: func(h *hosttest.Host) error { return h.Unit(ctx, "containerd.service", host.Stop) }},
		{name: "an apply was cut off before it", do: remove("/etc/x"), owns: func(r *Record) {
			r.Owns["/etc/x"] = Owned{Kind: change.Text, SHA256: digest("new\n"), Was: nothing}
		}},
		{name: "an apply was cut off in between", owns: func(r *Record) {
			r.Owns["/etc/x"] = Owned{Kind: change.Text, SHA256: digest("new\n"), Was: digest("ours\n")}
		}},
		{name: "of an older record", do: write("/etc/x", "theirs\n", 0o600), owns: func(r *Record) { r.Owns["/etc/x"] = Owned{Kind: change.Text} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, r := left(t)
			if tt.do != nil {
				if err := tt.do(h.Admin()); err != nil {
					t.Fatal(err)
				}
			}
			if tt.owns != nil {
				tt.owns(r)
			}
			h.ReadOnly(true)
			got, err := r.Drift(ctx, h)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Drift{}, "Kind", "SHA256", "By", "Written"), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestDriftTellsWhoAndWhen.
func TestDriftTellsWhoAndWhen(t *testing.T) {
	h, r := left(t)
	entries := `{"time":"2026-11-22T18:00:00Z","run":"1","step":"x.a","what":"done"}
{"time":"2026-11-22T19:00:00Z","run":"2","step":"x.a","what":"done"}
{"time":"2026-11-22T20:00:00Z","run":"3","step":"x.a","what":"failed"}
`
	hosttest.WithFile(JournalPath, entries)(h.Admin())
	hosttest.WithFile("/etc/x", "theirs\n")(h.Admin())
	got, err := r.Drift(t.Context(), h)
	if err != nil || len(got) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if d := got[0]; d.Written.Run != "2" || d.By.Owner != "root" || d.By.Changed.IsZero() || d.Kind != change.Text {
		t.Errorf("got %+v", d)
	}
}
