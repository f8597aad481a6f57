package spec

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"
)

const secret = "Zq9-hidden-word"

// loadText loads one file, with a secret in a variable file beside it. It fails
// if the secret is shown, or if the load takes too long.
func loadText(t interface {
	Fatalf(string, ...any)
}, dir, src string) {
	path := filepath.Join(dir, "cluster.hcl")
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.auto.hclvars"), []byte("become_password = \""+secret+"\"\n"), 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	start := time.Now()
	c, files, diags := Load(path, Options{Vars: []string{"missing"}})
	if d := time.Since(start); d > 2*maxTime {
		t.Fatalf("took %s", d)
	}
	if c != nil && diags.HasErrors() || c == nil && !diags.HasErrors() {
		t.Fatalf("a cluster goes with no errors; got %v and %v", c, diags)
	}
	var b bytes.Buffer
	if err := hcl.NewDiagnosticTextWriter(&b, files, 80, false).WriteDiagnostics(diags); err != nil {
		t.Fatalf("write diagnostics: %v", err)
	}
	if strings.Contains(b.String(), secret) {
		t.Fatalf("the secret shows in\n%s", b.String())
	}
}

// fullSpec returns one file with every type of block.
func fullSpec() string {
	var b strings.Builder
	b.WriteString(`variable "become_password" {
  type      = string
  sensitive = true
}
variable "n" {
  type    = object({ a = optional(number, 3), b = list(string) })
  default = { b = ["x"] }
  validation {
    condition     = var.n.a > 2
    error_message = "no ${var.n.a}"
  }
}
locals {
  hosts = { for i in range(3) : "worker-${i}" => { address = cidrhost("192.0.2.0/24", 20 + i), port = try(each.value, 22) } if i > 0 }
  text  = join(",", [for k, h in local.hosts : upper(k)])
  word  = "${var.become_password}-x"
}
api {
  endpoint   = "api.example.com"
  extra_sans = ["192.0.2.9"]
}
network "flannel" {
  backend = "udp"
  port    = 8285
}
ssh {
  user            = "ops"
  become_password = var.become_password
  bastion {
    address = "192.0.2.1"
  }
}
host "w" {
  for_each = local.hosts
  address  = each.value.address
  labels   = { "example.com/a" = each.key }
  taint {
    key    = "a"
    effect = "NoSchedule"
  }
  ssh {
    port            = 22 + length(var.n.b[*])
    become_password = each.key == "worker-1" ? var.become_password : null
  }
  kubelet {
    config = { maxPods = 10, list = [1, "a", null, { x = 1.5 }] }
  }
}
kubelet {
  config        = { failSwapOn = false }
  flags         = { v = 3 }
  feature_gates = { KubeletInUserNamespace = true }
}
preflight {
  ignore     = ["PF008"]
  severity   = { PF004 = "warning" }
  min_memory = "1.7GB"
}
`)
	g := good()
	b.WriteString(strings.ReplaceAll(g["cluster.hcl"]+g["hosts.hcl"]+g["parts.hcl"], "each.value, 22", ""))
	return strings.ReplaceAll(b.String(), "try(each.value, 22)", "try(var.n.c, 22)")
}

func TestFullSpec(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cluster.hcl"), fullSpec())
	write(t, filepath.Join(dir, "x.auto.hclvars"), "become_password = \""+secret+"\"\n")
	c := mustLoad(t, dir, Options{})
	if len(c.Hosts) != 3 || c.Hosts[0].SSH.BecomePassword.Reveal() != secret || c.Hosts[0].SSH.Port != 23 {
		t.Errorf("hosts %+v", c.Hosts)
	}
}

// TestMutations changes a valid spec in many ways. No change may cause a panic
// or a hang, or show a secret.
func TestMutations(t *testing.T) {
	src, dir := fullSpec(), t.TempDir()
	bits := strings.Fields(src + ` { } [ ] ( ) " ${ } %{ if true } %{ endif } <<EOT ... = : ? ! - * . , null true 1e999 0x each.value var.become_password local.word sensitive("x") -1 "" {} []`)
	rapid.Check(t, func(rt *rapid.T) {
		s := src
		for range rapid.IntRange(1, 4).Draw(rt, "edits") {
			at := rapid.IntRange(0, len(s)).Draw(rt, "at")
			end := min(len(s), at+rapid.IntRange(0, 12).Draw(rt, "cut"))
			s = s[:at] + rapid.SampledFrom(bits).Draw(rt, "put") + s[end:]
		}
		loadText(rt, dir, s)
	})
}

// TestSensitiveNeverShows uses the secret in every place that takes a value.
func TestSensitiveNeverShows(t *testing.T) {
	src, dir := fullSpec(), t.TempDir()
	exprs := []string{
		"var.become_password", "local.word", `"${var.become_password}"`, "[var.become_password]", "{ (var.become_password) = 1 }",
		"file(var.become_password)", "jsondecode(var.become_password)", "var.n[var.become_password]", "tonumber(var.become_password)",
		"var.become_password + 1", "-var.become_password", "var.become_password.x", "var.become_password[0]", "cidrhost(var.become_password, 1)",
		"regex(var.become_password, \"a\")", "try(file(var.become_password))", "[for x in var.become_password : x]", "format(\"%d\", var.become_password)",
		"toset([var.become_password])", "{ a = var.become_password }.b", "element([], var.become_password)", "parseint(var.become_password, 10)",
		"one([var.become_password, 1])", "coalesce(var.become_password, [])", "yamldecode(\"[${var.become_password}\")", "keys(var.become_password)",
	}
	lines := strings.Split(src[:strings.Index(src, "component ")], "\n")
	rapid.Check(t, func(rt *rapid.T) {
		line, e := rapid.SampledFrom(lines).Draw(rt, "line"), rapid.SampledFrom(exprs).Draw(rt, "expression")
		if name, _, ok := strings.Cut(line, " = "); ok {
			loadText(rt, dir, strings.Replace(src, line, name+" = "+e, 1))
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add(fullSpec())
	f.Add(string(Init()))
	f.Add("a = \"x${1e100000000}\"")
	f.Add("a = " + strings.Repeat("[", 60000))
	f.Add("a {\n" + strings.Repeat("b {\n", 60000))
	f.Add("locals {\n a = " + strings.Repeat("!", 60000) + "true\n}")
	f.Add("locals {\n a = " + strings.Repeat("-", 60000) + "1\n}")
	f.Add("locals {\n a = 1" + strings.Repeat(" + 1", 60000) + "\n}")
	f.Add("locals {\n a = " + strings.Repeat("true ? 1 : ", 60000) + "1\n}")
	f.Add("locals {\n a = b" + strings.Repeat("[0]", 60000) + "\n}")
	f.Add("locals {\n a = b" + strings.Repeat("[*]", 60000) + "\n}")
	f.Add("locals {\n a = b" + strings.Repeat(".*", 60000) + "\n}")
	f.Add("locals {\n a = \"" + strings.Repeat("${\"", 60000) + "\n}")
	f.Add("locals {\n a = \"" + strings.Repeat("%{if true}", 60000) + "\"\n}")
	f.Add("locals {\n a = " + strings.Repeat("[}", 60000) + "\n}")
	f.Add("locals {\n a = " + strings.Repeat("f(", 99) + strings.Repeat(")", 99) + "\n}")
	f.Add("locals {\n a = " + strings.Repeat("[for x in [1] : ", 60000) + "\n}")
	f.Add("variable \"a\" {\n type = " + strings.Repeat("list(", 60000) + "\n}")
	f.Add(strings.Repeat("locals {\n", 60000))
	f.Add(strings.Repeat("x = <<EOT\n", 60000))
	f.Add("\xef\xbb\xbfcluster \"a\" {}")
	f.Add("\x00\xff")
	f.Add("locals {\n a = b" + strings.Repeat("[0]", 28400) + "\xbd\x92?@\x80\xf9\x85\xf9" + strings.Repeat("[0]", 30000) + "\n}") // hcl's writer hung
	cases, err := filepath.Glob("testdata/wrong/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		a, err := txtar.ParseFile(c)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(string(file.Data))
		}
	}
	f.Fuzz(func(t *testing.T, src string) { loadText(t, t.TempDir(), src) })
}

func BenchmarkHundredHosts(b *testing.B) {
	for b.Loop() {
		if c, _, diags := Load("../examples/hundred-workers", Options{}); c == nil {
			b.Fatal(diags)
		}
	}
}
