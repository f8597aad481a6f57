package state

import (
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

// TestDrifted tells what somebody changed from what the spec asks for.
func TestDrifted(t *testing.T) {
	file := Owned{Kind: change.Text, SHA256: digest("ours"), Attrs: "0644 root:root"}
	cut, cutNew := file, file
	cut.Was, cutNew.Was = digest("older"), nothing
	program := Owned{Kind: change.Transfer, SHA256: "aabbccddeeff00112233"}
	unit := Owned{Kind: change.Unit, Want: "enabled, active"}
	cutUnit := unit
	cutUnit.Was = "enabled, active"
	sysctl := Owned{Kind: change.Sysctl, Want: "1 2"}
	dir := Owned{Kind: change.Directory, Want: "0755 root:root"}
	type c = change.Change
	text := func(have, want string) c {
		return c{Kind: change.Text, Action: change.Update, Item: "/x", Have: have, Want: want}
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
		{"removed", file, c{Kind: change.Text, Action: change.Add, Want: "ours"}, true},
		{"cut off before it was written", cut, text("older", "ours"), false},
		{"cut off, and edited", cut, text("theirs", "ours"), true},
		{"cut off before it was there", cutNew, c{Kind: change.Text, Action: change.Add, Want: "ours"}, false},
		{"of a record without digest", Owned{Kind: change.Text}, text("theirs", "ours"), false},
		{"not known yet", file, c{Kind: change.Text, Have: "theirs", Until: address.MustParse("ca.b")}, false},
		{"mode", file, c{Kind: change.Attr, Action: change.Update, Have: "0600 root:root", Want: "0644 root:root"}, true},
		{"mode that another pmkctl wants", file, c{Kind: change.Attr, Action: change.Update, Have: "0644 root:root", Want: "0600 root:root"}, false},
		{"mode, of an older record", Owned{Kind: change.Text}, c{Kind: change.Attr, Action: change.Update, Have: "0600 root:root"}, false},
		{"another program", program, c{Kind: change.Transfer, Action: change.Update, Have: "sha256 000000000000", HaveSHA256: "000000000000", Want: "sha256 aabbccddeeff"}, true},
		{"a newer program", program, c{Kind: change.Transfer, Action: change.Update, Have: "sha256 aabbccddeeff", HaveSHA256: program.SHA256, Want: "sha256 001122334455", SHA256: "001122334455"}, false},
		{"a program's mode", program, c{Kind: change.Transfer, Action: change.Update, Have: "sha256 aabbccddeeff", HaveSHA256: program.SHA256, Want: "sha256 aabbccddeeff", SHA256: program.SHA256}, true},
		{"a program that goes", program, c{Kind: change.Transfer, Action: change.Remove}, false},
		{"a link in its place", program, c{Kind: change.Transfer, Action: change.Replace, Have: "link", Want: "sha256 aabbccddeeff"}, true},
		{"a program that goes", program, c{Kind: change.Transfer, Action: change.Remove}, false},
		{"a file that goes", file, c{Kind: change.Text, Action: change.Remove}, false},
		{"stopped", unit, c{Kind: change.Unit, Action: change.Update, Have: "enabled, inactive", Want: "enabled, active"}, true},
		{"restarts", unit, c{Kind: change.Unit, Action: change.Restart, Have: "enabled, active", Want: "enabled, active"}, false},
		{"stopped by a step that was cut off", cutUnit, c{Kind: change.Unit, Action: change.Update, Have: "enabled, inactive", Want: "enabled, active"}, false},
		{"set", sysctl, c{Kind: change.Sysctl, Action: change.Update, Have: "3", Want: "1 2"}, true},
		{"set to nothing", sysctl, c{Kind: change.Sysctl, Action: change.Update, Want: "1 2"}, true},
		{"set, and spaces", sysctl, c{Kind: change.Sysctl, Action: change.Update, Have: "1\t2", Want: "4"}, false},
		{"a directory's mode", dir, c{Kind: change.Directory, Action: change.Update, Have: "0700 root:root", Want: "0755 root:root"}, true},
		{"user deleted", Owned{Kind: change.Account}, c{Kind: change.Account, Action: change.Add, Want: "x"}, true},
		{"certificate gone", Owned{Kind: change.Cert}, c{Kind: change.Cert, Action: change.Add}, true},
		{"certificate ends", Owned{Kind: change.Cert}, c{Kind: change.Cert, Action: change.Update, Have: "a", Want: "a"}, false},
		{"a label", Owned{Kind: change.Object, Want: `"a"`}, c{Kind: change.Object, Action: change.Update, Have: `"b"`, Want: `"a"`}, true},
		{"a Node that is not ready", Owned{Kind: change.Object, Want: "Ready"}, c{Kind: change.Object, Action: change.Update, Have: "not Ready", Want: "Ready", Volatile: true}, false},
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
	d := change.Diff{{Kind: change.Cert, Action: change.Add, Item: "/etc/x.crt", Want: "x of y"},
		{Kind: change.Sysctl, Action: change.Update, Item: "net.ipv4.ip_forward", Have: "0", Want: "1"}}
	if err := k.Begin(ctx, address.MustParse("x.a"), d); err != nil {
		t.Fatal(err)
	}
	begun, err := Load(ctx, h)
	if err != nil || begun.Owns["/etc/x.crt"].Was != nothing || begun.Owns["net.ipv4.ip_forward"].Was != nothing {
		t.Errorf("begun: %+v, %v", begun.Owns, err)
	}
	if err := h.WriteFile(ctx, host.FileSpec{Path: "/etc/x.crt", Mode: 0o640, Group: "adm", Content: []byte("cert")}); err != nil {
		t.Fatal(err)
	}
	if err := k.End(ctx, address.MustParse("x.a"), d, nil); err != nil {
		t.Fatal(err)
	}
	done, err := Load(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := done.Owns["/etc/x.crt"], (Owned{Kind: change.Cert, Step: address.MustParse("x.a"), SHA256: digest("cert"), Attrs: "0640 root:adm"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := done.Owns["net.ipv4.ip_forward"]; got.Was != "" || got.Want != "1" {
		t.Errorf("got %+v", got)
	}
}
