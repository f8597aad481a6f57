package wording_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/view/wording"
)

func TestLines(t *testing.T) {
	tests := []struct {
		name string
		c    change.Change
		want string
	}{
		{"new file", change.Change{Kind: change.Text, Action: change.Add, Item: "/x", Want: "a\nb\n"}, "+ a\n+ b"},
		{"removed file", change.Change{Kind: change.Text, Action: change.Remove, Item: "/x", Have: "a\n"}, "- a"},
		{"context", change.Change{Kind: change.Text, Item: "/x", Have: "1\n2\n3\n4\n5\n6\n7\n8\n9\n", Want: "0\n2\n3\n4\n5\n6\n7\n8\n0\n"},
			"- 1\n+ 0\n  2\n  3\n  ...\n  7\n  8\n- 9\n+ 0"},
		{"looks like a header", change.Change{Kind: change.Text, Item: "/x", Have: "-- a\n", Want: "++ b\n"}, "- -- a\n+ ++ b"},
		{"no newline", change.Change{Kind: change.Text, Item: "/x", Have: "a", Want: "b"}, "- a\n+ b"},
		{"a newline more", change.Change{Kind: change.Text, Item: "/x", Have: "a", Want: "a\n"}, "- a\n  (no newline at the end)\n+ a"},
		{"what does not print", change.Change{Kind: change.Text, Item: "/x", Have: "\x1b[2Ja\r\n", Want: "\xffa\tb\u202ec\n"}, "- \\x1b[2Ja\\r\n+ \\xffa\tb\\u202ec"},
		{"fields", change.Change{Kind: change.Text, Item: "/x.yaml", Have: "a: 1\nb: {c: 1}\n", Want: "b: {c: 2}\nd: [1]\n"}, "- a: 1\n~ b.c: 1 -> 2\n+ d: [1]"},
		{"fields of an object", change.Change{Kind: change.Object, Item: "configmap/a/b", Have: "data:\n  Corefile: |\n    a {\n      b\n    }\n", Want: "data:\n  Corefile: |\n    a {\n      c\n    }\n"},
			"~ data.Corefile:\n      a {\n    -   b\n    +   c\n      }"},
		{"a long field", change.Change{Kind: change.Text, Item: "/x.service", Have: "[Unit]\nAfter=" + strings.Repeat("a ", 30) + "b\n", Want: "[Unit]\nAfter=" + strings.Repeat("a ", 30) + "c\n"},
			"~ Unit.After:\n    - " + strings.Repeat("a ", 30) + "b\n    + " + strings.Repeat("a ", 30) + "c"},
		{"a large field comes", change.Change{Kind: change.Text, Item: "/x.json", Have: "{}", Want: `{"a": [{"name": "a long name of it"}, {"name": "another name that is a good deal longer"}]}`},
			"+ a:\n    + - name: a long name of it\n    + - name: another name that is a good deal longer"},
		{"flags", change.Change{Kind: change.Text, Item: "/x.service", Have: "[Unit]\nX-Pmkctl-Inputs=01\n[Service]\nExecStart=/x --a\n", Want: "[Unit]\nX-Pmkctl-Inputs=02\n[Service]\nExecStart=/x --b=1\n"},
			"- Service.ExecStart[--a]\n+ Service.ExecStart[--b]: 1"},
		{"comments are told by line", change.Change{Kind: change.Text, Item: "/x.yaml", Have: "# x\na: 1\n", Want: "# y\na: 2\n"}, "- # x\n- a: 1\n+ # y\n+ a: 2"},
		{"secret", change.Change{Kind: change.Text, Item: "/x", Have: "a", Want: "b", Secret: true}, ""},
		{"no file", change.Change{Kind: change.Unit, Item: "x.service", Have: "a", Want: "b"}, ""},
		{"only the hash of inputs", change.Change{Kind: change.Text, Item: "/x.service", Have: "X-Pmkctl-Inputs=01\n", Want: "X-Pmkctl-Inputs=02\n"}, ""},
		{"both hashes of inputs", change.Change{Kind: change.Text, Item: "/x.service", Have: "[Unit]\nX-Pmkctl-Inputs=01\n[Service]\nEnvironment=A=1\nNice=1\n",
			Want: "[Unit]\nX-Pmkctl-Inputs=02\n[Service]\nEnvironment=PMKCTL_INPUTS=02\nEnvironment=A=1\nNice=2\n"}, "~ Service.Nice: 1 -> 2"},
		{"state of an object", change.Change{Kind: change.Object, Item: "node/a", Want: "Ready"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, l := range wording.Lines(tt.c) {
				got = append(got, l.String())
			}
			if d := cmp.Diff(tt.want, strings.Join(got, "\n")); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
