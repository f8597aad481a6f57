package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

func TestMark(t *testing.T) {
	ours := &Record{Owns: map[string]Owned{"/etc/ours": {}, "net.ipv4.ip_forward": {}}}
	tests := []struct {
		name string
		c    change.Change
		want change.Action
	}{
		{"a file of ours", change.Change{Kind: change.Text, Action: change.Update, Item: "/etc/ours"}, change.Update},
		{"a foreign file", change.Change{Kind: change.Text, Action: change.Update, Item: "/etc/theirs"}, change.Replace},
		{"a foreign program", change.Change{Kind: change.Transfer, Action: change.Update, Item: "/usr/local/bin/kubelet"}, change.Replace},
		{"the mode of a foreign file", change.Change{Kind: change.Attr, Action: change.Update, Item: "/etc/theirs"}, change.Replace},
		{"the mode of a directory", change.Change{Kind: change.Directory, Action: change.Update, Item: "/etc/cni"}, change.Update},
		{"a new file", change.Change{Kind: change.Text, Action: change.Add, Item: "/etc/new"}, change.Add},
		{"a setting", change.Change{Kind: change.Sysctl, Action: change.Update, Item: "vm.swappiness"}, change.Update},
		{"a unit", change.Change{Kind: change.Unit, Action: change.Restart, Item: "kubelet.service"}, change.Restart},
		{"an object", change.Change{Kind: change.Object, Action: change.Update, Item: "deployment/kube-system/coredns"}, change.Update},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := change.Diff{tt.c}
			if got := ours.Mark(d)[0].Action; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if d[0].Action != tt.c.Action {
				t.Error("the diff itself was changed")
			}
		})
	}
}

func TestAdopt(t *testing.T) {
	old := Owned{Kind: change.Text, Step: address.MustParse("old"), SHA256: digest("b"), Original: "/var/lib/pmkctl/original/etc/ours"}
	tests := []struct {
		name string
		c    change.Change
		keep bool
		want Owned
	}{
		{"a new file", change.Change{Kind: change.Text, Action: change.Add, Item: "/etc/x", Want: "a"}, false,
			Owned{Kind: change.Text, Step: address.MustParse("s"), SHA256: digest("a"), Was: nothing}},
		{"a foreign file", change.Change{Kind: change.Text, Action: change.Replace, Item: "/etc/x", Have: "b", Want: "a"}, true,
			Owned{Kind: change.Text, Step: address.MustParse("s"), SHA256: digest("a"), Was: nothing, Original: "/var/lib/pmkctl/original/etc/x"}},
		{"an empty foreign file", change.Change{Kind: change.Text, Action: change.Replace, Item: "/etc/x", Want: "a"}, true,
			Owned{Kind: change.Text, Step: address.MustParse("s"), SHA256: digest("a"), Was: nothing, Original: "/var/lib/pmkctl/original/etc/x"}},
		{"ours, whose original is kept", change.Change{Kind: change.Text, Action: change.Update, Item: "/etc/ours", Have: "b", Want: "c"}, false,
			Owned{Kind: change.Text, Step: address.MustParse("s"), SHA256: digest("c"), Was: digest("b"), Original: old.Original}},
		{"ours, changed since: kept if there is no original", change.Change{Kind: change.Text, Action: change.Update, Item: "/etc/ours", Have: "x", Want: "c"}, true,
			Owned{Kind: change.Text, Step: address.MustParse("s"), SHA256: digest("c"), Was: digest("b"), Original: old.Original}},
		{"the mode of ours", change.Change{Kind: change.Attr, Action: change.Update, Item: "/etc/ours", Have: "0666", Want: "0644"}, false, old},
		{"a program", change.Change{Kind: change.Transfer, Action: change.Add, Item: "/usr/local/bin/x", SHA256: "2"}, false,
			Owned{Kind: change.Transfer, Step: address.MustParse("s"), SHA256: "2", Was: nothing}},
		{"a setting", change.Change{Kind: change.Sysctl, Action: change.Update, Item: "net.ipv4.ip_forward", Have: "0", Want: "1"}, false,
			Owned{Kind: change.Sysctl, Step: address.MustParse("s"), Want: "1", Was: nothing, Original: "0"}},
		{"a directory of theirs", change.Change{Kind: change.Directory, Action: change.Update, Item: "/etc/cni", Have: "0700", Want: "0755"}, false,
			Owned{Kind: change.Directory, Step: address.MustParse("s"), Want: "0755", Was: nothing, Original: "0700"}},
		{"a setting without a value", change.Change{Kind: change.Sysctl, Action: change.Update, Item: "net.ipv4.ip_local_reserved_ports", Want: "1"}, false,
			Owned{Kind: change.Sysctl, Step: address.MustParse("s"), Want: "1", Was: nothing, Original: "(empty)"}},
		{"somebody's key", change.Change{Kind: change.PrivKey, Action: change.Update, Item: "/etc/k.key", Have: "0644", Want: "0600"}, false, Owned{}},
		{"a key", change.Change{Kind: change.PrivKey, Action: change.Add, Item: "/etc/k.key", Want: "0600"}, false,
			Owned{Kind: change.PrivKey, Step: address.MustParse("s"), Was: nothing}},
		{"an object", change.Change{Kind: change.Object, Action: change.Update, Item: "service/a/b", Have: "x", Want: "y"}, false,
			Owned{Kind: change.Object, Step: address.MustParse("s"), Want: "y", Was: nothing}},
		{"ours, removed", change.Change{Kind: change.Text, Action: change.Remove, Item: "/etc/ours", Have: "b"}, false, old},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Record{Owns: map[string]Owned{"/etc/ours": old}}
			keep := r.adopt(address.MustParse("s"), change.Diff{tt.c})
			if tt.keep != slices.Contains(keep, tt.c.Item) {
				t.Errorf("keep %v, want %v", keep, tt.keep)
			}
			if diff := cmp.Diff(tt.want, r.Owns[tt.c.Item]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"ours", `{"version": 1, "cluster": {"id": "1", "name": "c"}, "host": "a"}`, ""},
		{"a newer one", `{"version": 99}`, "has version 99, this pmkctl knows 1: use a newer pmkctl"},
		{"damaged", `{"version": 1, "owns"`, "parse /var/lib/pmkctl/record.json"},
		{"fields of a newer one", `{"version": 1, "more": [1, 2]}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Load(context.Background(), hosttest.New("a", hosttest.WithFile(RecordPath, tt.text)))
			if tt.want == "" && (err != nil || r.Owns == nil) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, %v; want %q", r, err, tt.want)
			}
		})
	}
	const former = `{"version": 1, "owns": {"net.ipv4.ip_forward": {"kind": "setting"}, "overlay": {"kind": "setting"}, "cluster membership": {"kind": "setting"},
		"vm.swappiness": {"kind": "setting", "setting": "sysctl"}, "/etc/x.y": {"kind": "file"}, "of.later": {"kind": "setting", "setting": "later"}}}`
	r, err := Load(context.Background(), hosttest.New("a", hosttest.WithFile(RecordPath, former)))
	if err != nil {
		t.Fatal(err)
	}
	for item, want := range map[string]change.Kind{"net.ipv4.ip_forward": change.Sysctl, "overlay": change.KernelModule, Membership: change.Membership,
		"vm.swappiness": change.Sysctl, "/etc/x.y": change.Text, "of.later": {Class: "setting", Setting: "later"}} {
		if got := r.Owns[item].Kind; got != want {
			t.Errorf("%s of a former record has the kind %v, want %v", item, got, want)
		}
	}
	if r, err := Load(context.Background(), hosttest.New("bare")); err != nil || r.Cluster.ID != "" || r.Version != recordVersion {
		t.Errorf("of a bare host: %+v, %v", r, err)
	}
}

// step is what the executor does around a module that writes one file.
func step(ctx context.Context, h *hosttest.Host, content string) error {
	r, err := Load(ctx, h)
	if err != nil {
		return err
	}
	have, err := h.Files(ctx, []host.FileQuery{{Path: "/etc/motd", Content: true}})
	if err != nil {
		return err
	}
	d := change.Diff{{Kind: change.Text, Action: change.Update, Item: "/etc/motd", Have: string(have[0].Content), Want: content}}
	k := NewKeeper(h, "run", r)
	if err := k.Begin(ctx, address.MustParse("motd.a"), d); err != nil {
		return err
	}
	err = h.WriteFile(ctx, host.FileSpec{Path: "/etc/motd", Mode: 0o644, Content: []byte(content)})
	return errors.Join(err, k.End(ctx, address.MustParse("motd.a"), d, err))
}

// TestOriginalsAreKeptOnce: whenever the connection dies, and however often
// it is tried again, the original is what stood there before pmkctl.
func TestOriginalsAreKeptOnce(t *testing.T) {
	ctx := context.Background()
	whole := hosttest.New("a", hosttest.WithFile("/etc/motd", "theirs\n"))
	if err := step(ctx, whole, "ours\n"); err != nil {
		t.Fatal(err)
	}
	changes := len(whole.Log())
	for _, cut := range []func(h *hosttest.Host, n int){(*hosttest.Host).CutAfter, (*hosttest.Host).CutDuring} {
		for n := 1; n <= changes; n++ {
			h := hosttest.New("a", hosttest.WithFile("/etc/motd", "theirs\n"))
			cut(h, n)
			_ = step(ctx, h, "ours\n") // cut off somewhere
			h.Reconnect()
			for _, content := range []string{"ours\n", "ours, newer\n"} {
				if err := step(ctx, h, content); err != nil {
					t.Fatal(err)
				}
				if got := string(h.Peek("/etc/motd")); got != content {
					t.Errorf("cut at %d: the file is %q", n, got)
				}
			}
			if got := string(h.Peek(OriginalPath("/etc/motd"))); got != "theirs\n" {
				t.Errorf("cut at %d: the original is %q", n, got)
			}
			r, err := Load(ctx, h)
			if err != nil || r.Owns["/etc/motd"].Original != OriginalPath("/etc/motd") || r.Owns["/etc/motd"].SHA256 != digest("ours, newer\n") {
				t.Errorf("cut at %d: the record has %+v, %v", n, r.Owns, err)
			}
		}
	}
}

// TestIntentComesBeforeTheChange and the result after it.
func TestIntentComesBeforeTheChange(t *testing.T) {
	ctx := context.Background()
	h := hosttest.New("a", hosttest.WithFile("/etc/motd", "theirs\n"))
	if err := step(ctx, h, "ours\n"); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, e := range h.Log() {
		if e.Item == JournalPath || e.Item == "/etc/motd" || e.Item == RecordPath {
			order = append(order, e.Item)
		}
	}
	if want := []string{RecordPath, JournalPath, "/etc/motd", RecordPath, JournalPath}; !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
	var said []string
	for line := range bytes.Lines(h.Peek(JournalPath)) {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		said = append(said, fmt.Sprintf("%s %s %s", e.Run, e.Step, e.What))
	}
	if want := []string{"run motd.a intent", "run motd.a done"}; !slices.Equal(said, want) {
		t.Errorf("got %v, want %v", said, want)
	}
}

// TestWaitedForIsNotAdopted: a step that waits for an object does not become its
// owner, and a later change of the spec is no change by hand.
func TestWaitedForIsNotAdopted(t *testing.T) {
	const item = "deployment/kube-system/coredns"
	r := &Record{Owns: map[string]Owned{}}
	r.adopt(address.MustParse("coredns.a"), change.Diff{{Kind: change.Object, Action: change.Add, Item: item, Want: "replicas: 2", Manifest: true}})
	r.adopt(address.MustParse("dns.a"), change.Diff{{Kind: change.Object, Action: change.Update, Item: item, Have: "not available", Want: "available", Volatile: true}})
	if want := (Owned{Kind: change.Object, Step: address.MustParse("coredns.a"), Was: nothing}); r.Owns[item] != want {
		t.Errorf("got %+v, want %+v", r.Owns[item], want)
	}
	if err := r.settle(t.Context(), hosttest.New("a"), change.Diff{{Kind: change.Object, Item: item}}); err != nil {
		t.Fatal(err)
	}
	later := r.Mark(change.Diff{{Kind: change.Object, Action: change.Update, Item: item, Have: "replicas: 2", Want: "replicas: 3", Manifest: true}})
	if later[0].Drift {
		t.Errorf("a change of the spec is drift: %+v", later[0])
	}
}

// TestWaitedForBefore: the record of a former version has what a step waited
// for as if pmkctl had set it. A change of the spec is no change by hand then.
func TestWaitedForBefore(t *testing.T) {
	const older = `{"version": 1, "owns": {
		"deployment/kube-system/coredns": {"kind": "object", "step": "dns.a", "want": "available"},
		"node/a": {"kind": "object", "step": "node.a", "want": "Ready"},
		"configmap/x/y": {"kind": "object", "step": "x.a", "want": "\"a\""}}}`
	r, err := Load(t.Context(), hosttest.New("a", hosttest.WithFile(RecordPath, older)))
	if err != nil {
		t.Fatal(err)
	}
	for item, drift := range map[string]bool{"deployment/kube-system/coredns": false, "node/a": false, "configmap/x/y": true} {
		d := r.Mark(change.Diff{{Kind: change.Object, Action: change.Update, Item: item, Have: "replicas: 2", Want: "replicas: 3", Manifest: true}})
		if d[0].Drift != drift {
			t.Errorf("a change of %s is drift: %v, want %v", item, d[0].Drift, drift)
		}
	}
}

// TestRemovedIsForgotten, but only once it is gone.
func TestRemovedIsForgotten(t *testing.T) {
	ctx := context.Background()
	h := hosttest.New("a")
	d := change.Diff{{Kind: change.Text, Action: change.Remove, Item: "/etc/x", Have: "x"}}
	k := NewKeeper(h, "run", &Record{Owns: map[string]Owned{"/etc/x": {Step: address.MustParse("s")}}})
	owns := func() bool {
		r, err := Load(ctx, h)
		if err != nil {
			t.Fatal(err)
		}
		_, ok := r.Owns["/etc/x"]
		return ok
	}
	for _, failed := range []error{errors.New("no"), nil} {
		if err := k.Begin(ctx, address.MustParse("s"), d); err != nil {
			t.Fatal(err)
		}
		if err := k.End(ctx, address.MustParse("s"), d, failed); err != nil {
			t.Fatal(err)
		}
		if got, want := owns(), failed != nil; got != want {
			t.Errorf("after %v: owned %v, want %v", failed, got, want)
		}
	}
}

// TestKeepAgain: what was put back, in a run that was cut off before the record
// said so, is kept once more when a step wants the path again.
func TestKeepAgain(t *testing.T) {
	ctx, h := context.Background(), hosttest.New("a", hosttest.WithFile("/etc/x", "theirs\n"))
	owned := Owned{Kind: change.Text, Step: address.MustParse("s"), SHA256: digest("ours\n"), Original: OriginalPath("/etc/x")}
	k := NewKeeper(h, "run", &Record{Version: 1, Owns: map[string]Owned{"/etc/x": owned}})
	check(t, k.Begin(ctx, address.MustParse("s"), change.Diff{{Kind: change.Text, Action: change.Update, Item: "/etc/x", Have: "theirs\n", Want: "ours, too\n"}}))
	if got := string(h.Peek(owned.Original)); got != "theirs\n" {
		t.Errorf("kept is %q", got)
	}
}
