package terminal_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/view/terminal"
	"github.com/pmkctl/pmkctl/view/viewtest"
	"github.com/pmkctl/pmkctl/view/wording"
)

// work is a module whose diff is known already.
type work struct{ modules.Module }

// checked is a check of these steps, in order.
func checked(steps ...any) *executor.Checked {
	c := &executor.Checked{Graph: &plan.Graph{}, Diffs: map[address.Addr]change.Diff{}}
	for i := 0; i < len(steps); i += 2 {
		a := address.MustParse(steps[i].(string))
		c.Graph.Steps = append(c.Graph.Steps, &plan.Step{Addr: a, Work: work{}})
		c.Diffs[a] = steps[i+1].(change.Diff)
	}
	return c
}

var names = wording.Names{"cp-1": {"cp-1", "192.0.2.1"}, "worker-1": {"worker-1", "192.0.2.11"}, "worker-2": {"worker-2", "192.0.2.12"},
	"worker-3": {"worker-3", "192.0.2.13"}, "worker-10": {"worker-10", "192.0.2.110"}}

func unit(hash, more string) string {
	return "[Unit]\nX-Pmkctl-Inputs=" + hash + "\nDescription=x\n" + more
}

func TestPlan(t *testing.T) {
	sha := strings.Repeat("0123456789abcdef", 4)
	tests := []struct {
		name string
		c    *executor.Checked
	}{
		{"nothing", checked("kubelet.cp-1", change.Diff(nil))},
		{"kinds", checked(
			"all.cp-1", change.Diff{
				{Kind: change.Directory, Action: change.Add, Item: "/etc/x", Want: "0755 root:root"},
				{Kind: change.Text, Action: change.Add, Item: "/etc/x/new", Want: "one\ntwo\n"},
				{Kind: change.Text, Action: change.Update, Item: "/etc/x/no-newline", Have: "one", Want: "two"},
				{Kind: change.Text, Action: change.Replace, Item: "/etc/x/theirs", Have: "theirs\n", Want: "ours\n"},
				{Kind: change.Text, Action: change.Replace, Item: "/etc/x/net.json", Have: `{"a": 1}`, Want: `{"a": 2}`, Why: "the backend b replaces a", Gap: true},
				{Kind: change.Text, Action: change.Update, Item: "/etc/x/secret", Have: "d1", Want: "d2", Secret: true},
				{Kind: change.Attr, Action: change.Update, Item: "/etc/x/mode", Have: "0666 root:root", Want: "0644 root:root"},
				{Kind: change.Symlink, Action: change.Update, Item: "/etc/x/link", Have: "a", Want: "b"},
				{Kind: change.Transfer, Action: change.Add, Item: "/usr/local/bin/new", Want: "sha256 0123456789ab", SHA256: sha, Bytes: 62_914_560},
				{Kind: change.Transfer, Action: change.Update, Item: "/usr/local/bin/old", Have: "sha256 ffffffffffff", Want: "sha256 0123456789ab", SHA256: sha, Bytes: 1_500},
				{Kind: change.Sysctl, Action: change.Update, Item: "net.ipv4.ip_forward", Have: "0", Want: "1"},
				{Kind: change.Sysctl, Action: change.Update, Item: "net.ipv4.ip_local_reserved_ports", Want: "30000-32767"},
				{Kind: change.Sysctl, Action: change.Update, Item: "net.core.x", Have: "1"},
				{Kind: change.Unit, Action: change.Update, Item: "x.service", Have: "enabled, failed", Want: "enabled, active"},
				{Kind: change.Account, Action: change.Add, Item: "kube", Want: "system user without a shell"},
				{Kind: change.PrivKey, Action: change.Add, Item: "/etc/x/k.key", Want: "ECDSA P-256, 0600 root:root"},
				{Kind: change.Cert, Action: change.Update, Item: "/etc/x/k.crt", Have: "x", Want: "x", Why: "expires on 2027-01-02"},
				{Kind: change.Image, Action: change.Add, Item: "registry.k8s.io/pause:3.10.2", Want: "sha256:" + sha, SHA256: sha, Bytes: 700_000},
				{Kind: change.Text, Action: change.Remove, Item: "/etc/x/gone", Have: "one\ntwo\n"},
				{Kind: change.Unit, Action: change.Remove, Item: "gone.service", Have: "enabled, active"},
			})},
		{"later", checked(
			"one.cp-1", change.Diff{{Kind: change.Cert, Action: change.Add, Item: "/a.crt", Want: "a", Until: address.MustParse("ca.cp-1")}},
			"some.cp-1", change.Diff{{Kind: change.PrivKey, Action: change.Add, Item: "/a.key", Want: "ECDSA P-256"},
				{Kind: change.Cert, Action: change.Add, Item: "/a.crt", Want: "a", Until: address.MustParse("ca.cp-1")},
				{Kind: change.Cert, Action: change.Add, Item: "/b.crt", Want: "b", Until: address.MustParse("etcd-ca.cp-1")}},
			"all.cp-1", change.Diff{{Kind: change.Object, Action: change.Add, Item: "service/a/b", Until: address.MustParse("kube-apiserver.cp-1")},
				{Kind: change.Object, Action: change.Add, Item: "service/a/c", Until: address.MustParse("kube-apiserver.cp-1")}},
		)},
		{"alike", checked(
			"x.cp-1", viewtest.Config("cp-1", "192.0.2.1"),
			"x.worker-1", viewtest.Config("worker-1", "192.0.2.11"),
			"x.worker-2", viewtest.Config("worker-2", "192.0.2.12"),
			"x.worker-3", viewtest.Config("worker-3", "192.0.2.111"), // not its own address
			"x.worker-10", viewtest.Config("worker-10", "192.0.2.110"),
			"y.worker-1", change.Diff{{Kind: change.KernelModule, Action: change.Add, Item: "overlay", Want: "loaded"}},
			"y.worker-2", change.Diff{{Kind: change.KernelModule, Action: change.Add, Item: "overlay", Want: "loaded"}},
			"y.worker-3", change.Diff(nil),
		)},
		{"hash", checked(
			"kubelet.worker-1", change.Diff{
				{Kind: change.Text, Action: change.Update, Item: "/etc/systemd/system/kubelet.service", Have: unit("00", ""), Want: unit("01", "")},
				{Kind: change.Unit, Action: change.Restart, Item: "kubelet.service", Why: "/etc/systemd/system/kubelet.service changes", Cause: "/etc/systemd/system/kubelet.service"}},
			"kubelet.worker-2", change.Diff{
				{Kind: change.Text, Action: change.Update, Item: "/etc/systemd/system/kubelet.service", Have: unit("00", ""), Want: unit("02", "After=x\n")},
				{Kind: change.Unit, Action: change.Restart, Item: "kubelet.service", Why: "/etc/systemd/system/kubelet.service changes", Cause: "/etc/systemd/system/kubelet.service"}},
		)},
		{"removals", checked(
			"a.worker-1", change.Diff{{Kind: change.Text, Action: change.Add, Item: "/a", Want: "a\n"}},
			"b.worker-1", change.Diff{{Kind: change.Text, Action: change.Remove, Item: "/b", Have: "b\n"}},
			"c.worker-1", change.Diff{{Kind: change.Text, Action: change.Update, Item: "/c", Have: "c\n", Want: "d\n"},
				{Kind: change.Text, Action: change.Remove, Item: "/d", Have: "d\n"}},
		)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := terminal.Plan(&out, tt.c, names, terminal.NewStyle(false)); err != nil {
				t.Fatal(err)
			}
			golden.Text(t, "testdata/plan-"+tt.name+".txt", out.String())
			var colored bytes.Buffer
			if err := terminal.Plan(&colored, tt.c, names, terminal.NewStyle(true)); err != nil {
				t.Fatal(err)
			}
			if plain := withoutColor(colored.String()); plain != out.String() {
				t.Errorf("colours change the text:\n%s", cmp.Diff(out.String(), plain))
			}
		})
	}
}

// withoutColor takes escape sequences away.
func withoutColor(text string) string {
	var b strings.Builder
	for text != "" {
		before, after, found := strings.Cut(text, "\x1b[")
		b.WriteString(before)
		if !found {
			break
		}
		_, text, _ = strings.Cut(after, "m")
	}
	return b.String()
}

// TestAlike makes sure that hosts are shown as one only if nothing of a change
// differs except their own names.
func TestAlike(t *testing.T) {
	fields := reflect.TypeFor[change.Change]()
	for i := range fields.NumField() {
		var one, two change.Change
		switch f := reflect.ValueOf(&two).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Struct: // an address, a kind, the states of a unit
			for f.Kind() == reflect.Struct {
				f = f.Field(0)
			}
			f.SetString("x")
		default:
			f.SetInt(7)
		}
		text := planText(t, checked("x.worker-1", change.Diff{one}, "x.worker-2", change.Diff{two}), names, terminal.NewStyle(false))
		if !strings.Contains(text, " x.worker-1\n") {
			t.Errorf("hosts that differ in %s are told together:\n%s", fields.Field(i).Name, text)
		}
	}
	own := func(text string) change.Diff {
		return change.Diff{{Kind: change.Cert, Action: change.Add, Item: "/x.crt", Want: text}}
	}
	tests := []struct {
		name, one, two string
		alike          bool
	}{
		{"names and addresses", "system:node:worker-1 for worker-1, 192.0.2.11, 127.0.0.1", "system:node:worker-2 for worker-2, 192.0.2.12, 127.0.0.1", true},
		{"addresses in CIDRs and URLs", "https://192.0.2.11:2380 192.0.2.11/32", "https://192.0.2.12:2380 192.0.2.12/32", true},
		{"another's name", "peer worker-3", "peer worker-2", false},
		{"part of a name", "worker-10", "worker-20", false},
		{"a name for an address", "worker-1", "192.0.2.12", false},
		{"hashes of inputs", "X-Pmkctl-Inputs=01ab\nx", "X-Pmkctl-Inputs=02\nx", true},
		{"hashes in the environment", "Environment=PMKCTL_INPUTS=01ab\nx", "Environment=PMKCTL_INPUTS=02\nx", true},
		{"behind a hash of inputs", "X-Pmkctl-Inputs=01\nx", "X-Pmkctl-Inputs=01\ny", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := planText(t, checked("x.worker-1", own(tt.one), "x.worker-2", own(tt.two)), names, terminal.NewStyle(false))
			if got := strings.Contains(text, "x on worker-[1-2]"); got != tt.alike {
				t.Errorf("alike is %v:\n%s", got, text)
			}
		})
	}
}
