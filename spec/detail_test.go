package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// TestPrecedence gives one variable from every source. The last source wins.
func TestPrecedence(t *testing.T) {
	files := good()
	files["v.hcl"] = "variable \"n\" {\n  type = list(string)\n  default = [\"default\"]\n}\napi {\n  extra_sans = var.n\n}\n"
	extra := filepath.Join(t.TempDir(), "f.hclvars")
	write(t, extra, `n = ["file"]`)
	auto := func() { files["a.auto.hclvars"], files["b.auto.hclvars"] = `n = ["auto-a"]`, `n = ["auto-b"]` }
	for _, tt := range []struct {
		name, want string
		prepare    func()
		opts       Options
	}{
		{"default", "default", nil, Options{}},
		{"environment", "env", nil, Options{Env: []string{"PMK_VAR_n=[\"env\"]", "PMK_VAR_other=1", "n=2"}}},
		{"automatic file", "auto-b", auto, Options{Env: []string{"PMK_VAR_n=[\"env\"]"}}},
		{"file", "file", auto, Options{VarFiles: []string{extra}}},
		{"argument", "arg", auto, Options{VarFiles: []string{extra}, Vars: []string{`n=["first"]`, `n=["arg"]`}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.prepare != nil {
				tt.prepare()
			}
			c := mustLoad(t, lay(t, files), tt.opts)
			if got := c.API.ExtraSANs[0]; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestFileStaysInside: file() follows links only within the folder of the spec.
func TestFileStaysInside(t *testing.T) {
	dir := lay(t, map[string]string{"in/a.json": "inside"})
	write(t, filepath.Join(dir, "../secret"), "outside")
	for name, to := range map[string]string{"good": "in/a.json", "bad": "../secret", "abs": filepath.Join(dir, "in/a.json"), "dev": "/dev/zero", "up": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := readInside(dir, "good"); got != "inside" || err != nil {
		t.Errorf("link that stays inside: %q, %v", got, err)
	}
	for _, name := range []string{"bad", "abs", "dev", "up/secret", "in/../../secret", "/etc/passwd", "in", ""} {
		if got, err := readInside(dir, name); err == nil || got != "" {
			t.Errorf("%s: got %q, want an error", name, got)
		}
	}
}

func TestIdentity(t *testing.T) {
	files := good()
	files["etcd.hcl"] = "network \"flannel\" {\n  backend = \"udp\"\n}\n\netcd {\n  config = { data-dir = \"/srv/etcd\" }\n}\n"
	c := mustLoad(t, lay(t, files), Options{})
	want := map[string]string{
		FieldName: "c", FieldPodCIDR: "10.244.0.0/16", FieldServiceCIDR: "10.96.0.0/16", FieldDomain: "cluster.local",
		FieldVersion: "1.36.3", FieldBackend: "udp", FieldEtcdData: "/srv/etcd",
	}
	if d := cmp.Diff(want, Identity(c)); d != "" {
		t.Error(d)
	}
	lines := map[string]string{FieldVersion: "cluster.hcl:2", FieldBackend: "etcd.hcl:2", FieldEtcdData: "etcd.hcl:5", FieldName: "cluster.hcl:1", FieldDigest + "kubelet": "parts.hcl:23", "none": "cluster.hcl:1"}
	for field, want := range lines {
		if got := place(c.ImmutableRange(field)); got != want {
			t.Errorf("%s is at %s, want %s", field, got, want)
		}
	}
}

func TestFunctions(t *testing.T) {
	evalCtx := &hcl.EvalContext{Functions: functions(t.TempDir(), func(cty.Value) {})}
	for _, tt := range []struct{ expr, want string }{
		{`cidrhost("192.0.2.0/24", 11)`, "192.0.2.11"},
		{`cidrhost("192.0.2.0/24", -1)`, "192.0.2.255"},
		{`cidrsubnet("10.0.0.0/8", 8, 3)`, "10.3.0.0/16"},
		{`cidrsubnet("2001:db8::/32", 16, 1)`, "2001:db8:1::/48"},
		{`cidrnetmask("10.0.0.0/12")`, "255.240.0.0"},
		{`tostring(length("abc"))`, "3"},
		{`tostring(length({ a = 1 }))`, "1"},
		{`one(["x"])`, "x"},
		{`yamldecode("a: {b: c}").a.b`, "c"},
		{`try({}.a, "fallback")`, "fallback"},
		{`startswith("abc", "ab") ? "yes" : "no"`, "yes"},
		{`format("%s-%02d", "w", 3)`, "w-03"},
		{`join("", [for i in range(2) : "${i}"])`, "01"},
		{`cidrhost("192.0.2.0/24", 256)`, "error"},
		{`cidrsubnet("10.0.0.0/8", 30, 3)`, "error"},
		{`yamldecode("a: [")`, "error"},
		{`one([1, 2])`, "error"},
		{`fileexists("a") ? "yes" : "no"`, "no"},
	} {
		e, diags := hclsyntax.ParseExpression([]byte(tt.expr), "x", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		newBudget().meter(e)
		v, diags := e.Value(evalCtx)
		got := "error"
		if !diags.HasErrors() {
			got = v.AsString()
		}
		if got != tt.want {
			t.Errorf("%s is %s, want %s: %v", tt.expr, got, tt.want, diags)
		}
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{"2GiB": 2 << 30, "1.7 GB": 1_700_000_000, "512": 512, "3kib": 3072, "x": -1, "": -1, "-1GB": -1, "9999TiB9": -1} {
		if got, ok := parseSize(s); ok && got != want || !ok && want != -1 {
			t.Errorf("%q is %d, %v; want %d", s, got, ok, want)
		}
	}
}

func TestNotReadable(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "empty", "x.txt"), "")
	write(t, filepath.Join(dir, "big.hcl"), strings.Repeat("# x\n", maxFileBytes/3))
	for path, want := range map[string]string{"none": "Spec not readable", "empty": "No spec", "big.hcl": "File too large"} {
		_, _, diags := Load(filepath.Join(dir, path), Options{})
		if len(diags) != 1 || diags[0].Summary != want {
			t.Errorf("%s: got %v, want %s", path, diags, want)
		}
	}
}
