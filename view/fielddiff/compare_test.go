package fielddiff_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/view/fielddiff"
)

const notByField = "by line"

// told is what Compare finds, a line for each field.
func told(path, have, want string) string {
	fields, ok := fielddiff.Compare(path, have, want)
	if !ok {
		return notByField
	}
	var lines []string
	for _, f := range fields {
		switch f.Action {
		case change.Add:
			lines = append(lines, fmt.Sprintf("+ %s: %s", f.Path, f.Want))
		case change.Remove:
			lines = append(lines, fmt.Sprintf("- %s: %s", f.Path, f.Have))
		default:
			lines = append(lines, fmt.Sprintf("~ %s: %s -> %s", f.Path, f.Have, f.Want))
		}
	}
	return strings.Join(lines, "\n")
}

const unit = `[Unit]
Description=x
After=network.target

[Service]
ExecStart=/usr/local/bin/x \
  --a=1 \
  --b \
  "--c=x y"
Restart=always
`

const deployment = `apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: coredns
        image: coredns:v1.14.7
        args: ["-conf", /etc/coredns/Corefile]
        ports:
        - {containerPort: 53, name: dns, protocol: UDP}
        - {containerPort: 9153, name: metrics, protocol: TCP}
      tolerations:
      - {key: CriticalAddonsOnly, operator: Exists}
`

func TestCompare(t *testing.T) {
	edit := func(text string, oldnew ...string) string { return strings.NewReplacer(oldnew...).Replace(text) }
	tests := []struct {
		name, path, have, want, told string
	}{
		{"scalar", "/x.yaml", "a: 1\nb: 2\n", "a: 1\nb: 3\n", "~ b: 2 -> 3"},
		{"deep", "/x.yaml", "a:\n  b:\n    c: x\n", "a:\n  b:\n    c: y\n    d: [1, z]\n", "~ a.b.c: x -> y\n+ a.b.d: [1, z]"},
		{"gone", "/x.yml", "a: 1\nb: {c: 1}\n", "a: 1\n", "- b: {c: 1}"},
		{"moved and indented", "/x.yaml", "a: 1\nb:\n    c: 1\n    d: 2\n", "b:\n  d: 2\n  c: 1\na: 2\n", "~ a: 1 -> 2"},
		{"only moved", "/x.yaml", "a: 1\nb: 2\n", "b: 2\na: 1\n", notByField},
		{"only indented", "/x.yaml", "a:\n  - b\n", "a:\n- b\n", notByField},
		{"type", "/x.yaml", "a: yes\nb: \"1\"\nc: 0644\n", "a: \"yes\"\nb: 1\nc: 420\n", "~ a: yes -> \"yes\"\n~ b: \"1\" -> 1\n~ c: 0644 -> 420"},
		{"quotes mean nothing", "/x.yaml", "a: 'x'\nb: 1\n", "a: x\nb: 2\n", "~ b: 1 -> 2"},
		{"comment", "/x.yaml", "# old\na: 1\n", "# new\na: 2\n", notByField},
		{"comment behind", "/x.yaml", "a: 1 # old\n", "a: 2\n", notByField},
		{"comments that stay", "/x.yaml", "# x\na: 1 # y\n", "# x\na: 2 # y\n", "~ a: 1 -> 2"},
		{"double key", "/x.yaml", "a: 1\na: 2\n", "a: 3\n", notByField},
		{"anchor", "/x.yaml", "a: &x {b: 1}\nc: *x\n", "a: {b: 2}\nc: {b: 1}\n", notByField},
		{"tag", "/x.yaml", "a: !!str 1\n", "a: 2\n", notByField},
		{"two documents", "/x.yaml", "a: 1\n---\na: 2\n", "a: 1\n---\na: 3\n", notByField},
		{"no YAML", "/x.yaml", "a: [\n", "a: 1\n", notByField},
		{"no mapping", "/x.yaml", "- a\n", "- b\n", notByField},
		{"empty", "/x.yaml", "", "a: 1\n", notByField},
		{"other bytes", "/x.yaml", "a: \xff\n", "a: 1\n", notByField},
		{"odd keys", "/x.yaml", "a.b/c: {\"\": 1, x y: 1}\n", "a.b/c: {\"\": 2, x y: 2}\n", "~ \"a.b/c\".\"\": 1 -> 2\n~ \"a.b/c\".\"x y\": 1 -> 2"},
		{"list", "/x.yaml", "a: [x, y, z]\n", "a: [x, w, z]\n", "~ a[1]: y -> w"},
		{"list longer", "/x.yaml", "a: [x, z]\n", "a: [x, y, z, w]\n", "+ a[1]: y\n+ a[3]: w"},
		{"list shorter", "/x.yaml", "a: [x, y, z]\n", "a: [y]\n", "- a[0]: x\n- a[2]: z"},
		{"list filled", "/x.yaml", "a: []\n", "a: [x, y]\n", "~ a: [] -> [x, y]"},

		{"object", "Deployment", deployment, edit(deployment, "v1.14.7", "v1.14.8", "replicas: 2", "replicas: 3"),
			"~ spec.replicas: 2 -> 3\n~ spec.template.spec.containers[coredns].image: coredns:v1.14.7 -> coredns:v1.14.8"},
		{"port by name", "x.yaml", deployment, edit(deployment, "9153", "9154"),
			"~ spec.template.spec.containers[coredns].ports[metrics].containerPort: 9153 -> 9154"},
		{"another container first", "x.yaml", deployment, edit(deployment, "      - name: coredns\n", "      - name: first\n      - name: coredns\n"),
			"+ spec.template.spec.containers[first]: {name: first}"},
		{"containers change places", "x.yaml", "c:\n- name: a\n- name: b\nd: 1\n", "c:\n- name: b\n- name: a\nd: 2\n", notByField},

		{"JSON", "/x.json", `{"a": 1, "b": [true, null]}`, `{"b": [false, null], "a": 1.0}`, "~ a: 1 -> 1.0\n~ b[0]: true -> false"},
		{"JSON by content", "/x.conf", `{"a": "1"}`, "{\n \"a\": 1\n}\n", "~ a: \"1\" -> 1"},
		{"JSON double key", "/x.json", `{"a": 1, "a": 2}`, `{"a": 2}`, notByField},
		{"half a character", "/x.json", `{"a": "\ud800", "b": 1}`, `{"a": "\ud801", "b": 2}`, notByField},
		{"CNI chain", "/etc/cni/net.d/10-x.conflist", `{"plugins": [{"type": "bridge", "mtu": 1}, {"type": "portmap"}]}`, `{"plugins": [{"type": "bridge", "mtu": 2}]}`,
			"~ plugins[bridge].mtu: 1 -> 2\n- plugins[portmap]: {type: portmap}"},

		{"TOML", "/etc/containerd/config.toml", "version = 3\n[plugins.'io.x.v1']\na = 'x'\n", "version = 3\n[plugins]\n[plugins.'io.x.v1']\n  a = \"z\"\n  b = [1, 2.5]\n",
			"~ plugins.\"io.x.v1\".a: x -> z\n+ plugins.\"io.x.v1\".b: [1, 2.5]"},
		{"TOML tables", "/x.toml", "[[a]]\nname = 'x'\nb = 1\n", "[[a]]\nname = 'x'\nb = 2\n[[a]]\nname = 'z'\n", "~ a[x].b: 1 -> 2\n+ a[z]: {name: z}"},
		{"TOML comment", "/x.toml", "a = 1\n", "a = 2 # why\n", notByField},
		{"TOML double key", "/x.toml", "a = 1\na = 2\n", "a = 2\n", notByField},

		{"unit", "/x.service", unit, edit(unit, "x\nAfter", "y\nAfter", "Restart=always", "Restart=no\nDelegate=yes"),
			"~ Unit.Description: x -> y\n~ Service.Restart: always -> no\n+ Service.Delegate: yes"},
		{"flags", "/x.service", unit, edit(unit, "--a=1", "--a=2", "--b", "--b=true", "x y", "x z"),
			"~ Service.ExecStart[--a]: 1 -> 2\n~ Service.ExecStart[--b]: (no value) -> true\n~ Service.ExecStart[--c]: x y -> x z"},
		{"flags come and go", "/x.service", unit, edit(unit, "--a=1", "--d= \\\n -e"), "- Service.ExecStart[--a]: 1\n+ Service.ExecStart[--d]: \"\"\n+ Service.ExecStart[-e]: (no value)"},
		{"program", "/x.service", unit, edit(unit, "/usr/local/bin/x", "/usr/bin/x"), "~ Service.ExecStart[command]: /usr/local/bin/x -> /usr/bin/x"},
		{"flags change places", "/x.service", unit, edit(unit, "--a=1", "--b", "--b", "--a=2"), notByField},
		{"written on one line", "/x.service", unit, edit(unit, " \\\n  ", " ", "--a=1", "--a=2"), "~ Service.ExecStart[--a]: 1 -> 2"},
		{"arguments without names", "/x.service", "[Service]\nExecStart=/bin/sh -c a b\n", "[Service]\nExecStart=/bin/sh -c b\n", "- Service.ExecStart[2]: a"},
		{"commands that repeat", "/x.service", "[Service]\nExecStartPre=/a\nExecStartPre=/b\nUser=x\n", "[Service]\nExecStartPre=/b\nExecStartPre=/a\nUser=y\n", notByField},
		{"commands that repeat and stay", "/x.service", "[Service]\nExecStartPre=/a\nExecStartPre=/b\nUser=x\n", "[Service]\nExecStartPre=/a\nExecStartPre=/b\nUser=y\n", "~ Service.User: x -> y"},
		{"a command more", "/x.service", "[Service]\nExecStartPre=/a\n", "[Service]\nExecStartPre=/a\nExecStartPre=/b\n", notByField},
		{"commands that repeat go", "/x.service", "[Service]\nExecStartPre=/a\nExecStartPre=/b\nUser=x\n", "[Service]\nUser=y\n", notByField},
		{"section twice", "/x.service", "[Service]\nUser=x\n[Service]\nGroup=y\n", "[Service]\nUser=y\n", notByField},
		{"comment in a unit", "/x.service", "[Service]\n; a\nUser=x\n", "[Service]\n; b\nUser=y\n", notByField},
		{"no unit", "/x.service", "User=x\n", "[Service]\nUser=y\n", notByField},
		{"drop-in", "/etc/systemd/system/x.service.d/10-y.conf", "[Service]\nUser=x\n", "[Service]\nUser=y\n", "~ Service.User: x -> y"},
		{"not a drop-in", "/etc/x/10-y.conf", "[Service]\nUser=x\n", "[Service]\nUser=y\n", notByField},

		{"kubeconfig", "/etc/kubernetes/x.conf", "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster: {server: x}\n",
			"apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster: {server: z}\n", "~ clusters[a].cluster.server: x -> z"},
		{"like YAML", "/etc/sysctl.d/x.conf", "a: 1\n", "a: 2\n", notByField},
		{"large", "/x.yaml", "a: 1\n" + strings.Repeat("\n", 1<<18), "a: 2\n", notByField},
		{"nested", "/x.toml", "a = " + strings.Repeat("[", 20_000), "a = 1\n", notByField},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.told, told(tt.path, tt.have, tt.want)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestText(t *testing.T) {
	const value = `{x: {w: [1, {z: "yes"}, [2, 3]]}, text: "one\ntwo\n", more: a long string to make a block of it, none: {}}`
	fields, ok := fielddiff.Compare("/x.yaml", "a: 1\n", "a: 1\nb: "+value+"\n")
	if !ok || len(fields) != 1 || !fields[0].Want.Long() {
		t.Fatalf("got %v, %v", fields, ok)
	}
	const block = `x:
  w:
  - 1
  - z: "yes"
  - - 2
    - 3
text: |
  one
  two
more: a long string to make a block of it
none: {}
`
	if d := cmp.Diff(block, fields[0].Want.Text()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if !sameJSON(t, block, value) {
		t.Error("the block is another value")
	}
}

func TestJSON(t *testing.T) {
	tests := []struct{ path, have, want, json string }{
		{"/x.yaml", "a: 1\n", "a: \"1\"\n", `1 "1"`},
		{"/x.yaml", "a: yes\n", "a: true\n", `"yes" true`},
		{"/x.yaml", "a: 0x1F\n", "a: 1.5\n", `"0x1F" 1.5`},
		{"/x.yaml", "a: ~\n", "a: {c: [1, null], b: x}\n", `null {"b":"x","c":[1,null]}`},
		{"/x.yaml", "a: .nan\n", "a: 2001-01-01\n", `".nan" "2001-01-01"`},
		{"/x.json", `{"a": 1.0}`, `{"a": 1e400}`, `1.0 1e400`},
		{"/x.toml", "a = inf\n", "a = 1979-05-27T07:32:00Z\n", `"+Inf" "1979-05-27T07:32:00Z"`},
		{"/x.service", "[Service]\nExecStart=/x --a=1\n", "[Service]\nExecStart=/x --a\n", `"1" true`},
		{"/x.service", "[Service]\nExecStart=/x 1\n", "[Service]\nExecStart=/x 2\n", `"1" "2"`},
	}
	for _, tt := range tests {
		fields, _ := fielddiff.Compare(tt.path, tt.have, tt.want)
		if len(fields) != 1 {
			t.Errorf("%s: got %v", tt.have, fields)
			continue
		}
		have, err := json.Marshal(fields[0].Have)
		if err != nil {
			t.Error(err)
		}
		want, err := json.Marshal(fields[0].Want)
		if err != nil {
			t.Error(err)
		}
		if got := string(have) + " " + string(want); got != tt.json {
			t.Errorf("got %s, want %s", got, tt.json)
		}
	}
	fields, _ := fielddiff.Compare("/x.service", "[Service]\nUser=x\n", "[Service]\nUser=x\nExecStop=/x --a=1 b\n")
	if len(fields) != 1 {
		t.Fatalf("got %v", fields)
	}
	if got, _ := json.Marshal(fields[0].Want); string(got) != `["/x","--a=1","b"]` {
		t.Errorf("a command line is %s", got)
	}
}

// TestYAMLScalars asks the reader that Kubernetes has: what is one thing
// here must be one thing there.
func TestYAMLScalars(t *testing.T) {
	texts := []string{"y", "Yes", "on", "~", "null", "Null", "", "1", "+1", "01", "0o1", "0x1", "0b1", "1_0", "10", "1.0", "1.", ".5", "1e3", "1e+3", ".inf", "-.INF", ".nan",
		"1:30", "90", "2001-01-01", "2001-1-1 1:1:1", "true", "TRUE", "a", "a b", "1.2.3", "=", "<<", "0644", "0o644", "1,000"}
	var all []string
	for _, s := range texts {
		all = append(all, s, "'"+s+"'", `"`+s+`"`)
	}
	const more = "\nother: "
	for _, a := range all {
		for _, b := range all {
			got := told("/x.yaml", "a: "+a+more+"1\n", "a: "+b+more+"2\n")
			if got == "~ other: 1 -> 2" && a != b && !sameJSON(t, "a: "+a, "a: "+b) {
				t.Errorf("%s and %s are the same here", a, b)
			}
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := yaml.YAMLToJSON([]byte(a))
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.YAMLToJSON([]byte(b))
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

// TestTextEdits edits files at random. Whatever comes of it, nothing panics,
// and where one field is told to differ the whole of the rest is as before
// for the reader that Kubernetes has.
func TestTextEdits(t *testing.T) {
	files := map[string]string{"/x.yaml": deployment, "/x.service": unit, "/x.toml": "a = 1\n[b.'c.d']\ne = ['x', {f = 1}]\n", "/x.json": `{"a": {"b": [1, "x", {"c": null}]}}`}
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom([]string{"/x.yaml", "/x.service", "/x.toml", "/x.json"}).Draw(t, "path")
		have := files[path]
		want := []byte(have)
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			at := rapid.IntRange(0, len(want)-1).Draw(t, "at")
			want[at] = rapid.SampledFrom([]byte("ab1 \n#:-[]{}\"'=&*!|>%\x00\xff")).Draw(t, "byte")
		}
		got := told(path, have, string(want))
		if got == "" {
			t.Fatal("no field differs, and yet they tell all")
		}
		if path != "/x.yaml" || got == notByField {
			return
		}
		x, errX := yaml.YAMLToJSON([]byte(have))
		y, errY := yaml.YAMLToJSON(want)
		if errX != nil || errY != nil {
			return
		}
		if string(x) == string(y) {
			t.Fatalf("nothing differs for Kubernetes, and here\n%s", got)
		}
	})
}

// BenchmarkCompare is a file as a plan has hundreds of.
func BenchmarkCompare(b *testing.B) {
	m := map[string]any{}
	for i := range 60 {
		m[fmt.Sprintf("field%d", i)] = []int{i, rand.IntN(2)}
	}
	have, _ := json.Marshal(m)
	m["field7"] = "other"
	want, _ := json.Marshal(m)
	for b.Loop() {
		fielddiff.Compare("/x.yaml", string(have), string(want))
	}
}
