package state

import (
	"testing"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
)

// TestDrifted tells what somebody changed from what the spec asks for.
func TestDrifted(t *testing.T) {
	file := Owned{Kind: modules.Text, SHA256: digest("ours"), Attrs: "0644 root:root"}
	cut, cutNew := file, file
	cut.Was, cutNew.Was = digest("older"), nothing
	program := Owned{Kind: modules.Transfer, SHA256: "aabbccddeeff00112233"}
	unit := Owned{Kind: modules.Unit, Want: "enabled, active"}
	cutUnit := unit
	cutUnit.Was = "enabled, active"
	sysctl := Owned{Kind: modules.Setting, Want: "1 2"}
	dir := Owned{Kind: modules.Directory, Want: "0755 root:root"}
	type c = modules.Change
	text := func(have, want string) c {
		return c{Kind: modules.Text, Action: modules.Update, Item: "/x", Have: have, Want: want}
	}
	tests := []struct {
		name string
		o    Owned
		c    c
		want bool
	}{
		{"edited", file, text("theirs", "ours"), true},
		{"edited, and the spec too", file, text("theirs", "newer"), true},
		{"the spec asks for it", file, text("ours", "newer"), false},
		{"removed", file, c{Kind: modules.Text, Action: modules.Add, Want: "ours"}, true},
		{"cut off before it was written", cut, text("older", "ours"), false},
		{"cut off, and edited", cut, text("theirs", "ours"), true},
		{"cut off before it was there", cutNew, c{Kind: modules.Text, Action: modules.Add, Want: "ours"}, false},
		{"of a record without digest", Owned{Kind: modules.Text}, text("theirs", "ours"), false},
		{"not known yet", file, c{Kind: modules.Text, Have: "theirs", Until: "ca.b"}, false},
		{"mode", file, c{Kind: modules.Attr, Action: modules.Update, Have: "0600 root:root", Want: "0644 root:root"}, true},
		{"mode that another pmkctl wants", file, c{Kind: modules.Attr, Action: modules.Update, Have: "0644 root:root", Want: "0600 root:root"}, false},
		{"mode, of an older record", Owned{Kind: modules.Text}, c{Kind: modules.Attr, Action: modules.Update, Have: "0600 root:root"}, false},
		{"another program", program, c{Kind: modules.Transfer, Action: modules.Update, Have: "sha256 000000000000", Want: "sha256 aabbccddeeff"}, true},
		{"a newer program", program, c{Kind: modules.Transfer, Action: modules.Update, Have: "sha256 aabbccddeeff", Want: "sha256 001122334455", SHA256: "001122334455"}, false},
		{"a program's mode", program, c{Kind: modules.Transfer, Action: modules.Update, Have: "sha256 aabbccddeeff", Want: "sha256 aabbccddeeff", SHA256: program.SHA256}, true},
		{"a program that goes", program, c{Kind: modules.Transfer, Action: modules.Remove}, false},
		{"a link in its place", program, c{Kind: modules.Transfer, Action: modules.Replace, Have: "link", Want: "sha256 aabbccddeeff"}, true},
		{"a program that goes", program, c{Kind: modules.Transfer, Action: modules.Remove}, false},
		{"a file that goes", file, c{Kind: modules.Text, Action: modules.Remove}, false},
		{"stopped", unit, c{Kind: modules.Unit, Action: modules.Update, Have: "enabled, inactive", Want: "enabled, active"}, true},
		{"restarts", unit, c{Kind: modules.Unit, Action: modules.Restart, Have: "enabled, active", Want: "enabled, active"}, false},
		{"stopped by a step that was cut off", cutUnit, c{Kind: modules.Unit, Action: modules.Update, Have: "enabled, inactive", Want: "enabled, active"}, false},
		{"set", sysctl, c{Kind: modules.Setting, Action: modules.Update, Have: "3", Want: "1 2"}, true},
		{"set to nothing", sysctl, c{Kind: modules.Setting, Action: modules.Update, Want: "1 2"}, true},
		{"set, and spaces", sysctl, c{Kind: modules.Setting, Action: modules.Update, Have: "1\t2", Want: "4"}, false},
		{"a directory's mode", dir, c{Kind: modules.Directory, Action: modules.Update, Have: "0700 root:root", Want: "0755 root:root"}, true},
		{"user deleted", Owned{Kind: modules.Account}, c{Kind: modules.Account, Action: modules.Add, Want: "x"}, true},
		{"certificate gone", Owned{Kind: modules.Cert}, c{Kind: modules.Cert, Action: modules.Add}, true},
		{"certificate ends", Owned{Kind: modules.Cert}, c{Kind: modules.Cert, Action: modules.Update, Have: "a", Want: "a"}, false},
		{"a label", Owned{Kind: modules.Object, Want: `"a"`}, c{Kind: modules.Object, Action: modules.Update, Have: `"b"`, Want: `"a"`}, true},
		{"a Node that is not ready", Owned{Kind: modules.Object, Want: "Ready"}, c{Kind: modules.Object, Action: modules.Update, Have: "not Ready", Want: "Ready"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.o.drifted(tt.c); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestEndSettles: the record has what stands there, and no step under way.
func TestEndSettles(t *testing.T) {
	ctx := t.Context()
	h := hosttest.New("a")
	k := NewKeeper(h, "run", &Record{Owns: map[string]Owned{}})
	d := modules.Diff{{Kind: modules.Cert, Action: modules.Add, Item: "/etc/x.crt", Want: "x of y"},
		{Kind: modules.Setting, Action: modules.Update, Item: "net.ipv4.ip_forward", Have: "0", Want: "1"}}
	if err := k.Begin(ctx, "x.a", d); err != nil {
		t.Fatal(err)
	}
	begun, err := Load(ctx, h)
	if err != nil || begun.Owns["/etc/x.crt"].Was != nothing || begun.Owns["net.ipv4.ip_forward"].Was != nothing {
		t.Errorf("begun: %+v, %v", begun.Owns, err)
	}
	if err := h.WriteFile(ctx, host.FileSpec{Path: "/etc/x.crt", Mode: 0o640, Group: "adm", Content: []byte("cert")}); err != nil {
		t.Fatal(err)
	}
	if err := k.End(ctx, "x.a", d, nil); err != nil {
		t.Fatal(err)
	}
	done, err := Load(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := done.Owns["/etc/x.crt"], (Owned{Kind: modules.Cert, Step: "x.a", SHA256: digest("cert"), Attrs: "0640 root:adm"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := done.Owns["net.ipv4.ip_forward"]; got.Was != "" || got.Want != "1" {
		t.Errorf("got %+v", got)
	}
}
