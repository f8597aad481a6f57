package spec

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pmkctl/pmkctl/modules"
)

// TestClusterEncodes encodes every example as JSON and decodes it.
func TestClusterEncodes(t *testing.T) {
	dirs, err := os.ReadDir("../examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		t.Run(d.Name(), func(t *testing.T) {
			dir, opts := filepath.Join("../examples", d.Name()), Options{}
			if d.Name() == "lab" {
				dir = lab(t)
			}
			if d.Name() == "three-hosts" {
				opts.Vars = []string{"become_password=s3cret-word"}
			}
			c := mustLoad(t, dir, opts)
			text, got := recode(t, c)
			if strings.Contains(text, "s3cret") {
				t.Error("the secret is in what was encoded")
			}
			if d.Name() == "three-hosts" && len(c.Secrets()) == 0 {
				t.Error("the example holds no secret; this test is about one")
			}
			for _, f := range c.Secrets() {
				if got.SecretField(f.Name).Reveal() != "" {
					t.Errorf("%s came through", f.Name)
				}
				*got.SecretField(f.Name) = *f.Secret
			}
			c.ranges, c.logins = nil, nil
			for i := range c.Inputs {
				c.Inputs[i].strings = nil
			}
			if !reflect.DeepEqual(got, c) {
				t.Errorf("got %+v\nwant %+v", got, c)
			}
		})
	}
}

func recode(t *testing.T, c *Cluster) (string, *Cluster) {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var got Cluster
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	return string(b), &got
}

// TestPassthroughEncodes encodes every type that plain returns.
func TestPassthroughEncodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Passthrough{Settings: modules.Settings{Config: modules.Fields{}}}
		for range rapid.IntRange(0, 5).Draw(t, "fields") {
			want.Config[rapid.String().Draw(t, "name")] = anyPlain(t, 3)
		}
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Passthrough
		if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, %v\nwant %#v", got, err, want)
		}
	})
}

func anyPlain(t *rapid.T, depth int) any {
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.String().Draw(t, "string")
	case 2:
		return rapid.Bool().Draw(t, "bool")
	case 3:
		return rapid.Int64().Draw(t, "whole")
	case 4:
		return float64(rapid.Int64().Draw(t, "n")) + 1<<70
	case 5:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			list = append(list, anyPlain(t, depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range rapid.IntRange(0, 3).Draw(t, "fields") {
		object[rapid.String().Draw(t, "name")] = anyPlain(t, depth-1)
	}
	return object
}

const withSecrets = `
variable "words" {
  type      = map(string)
  sensitive = true
}
variable "pin" {
  type      = number
  sensitive = true
  default   = 123456
}
variable "zone" {
  default = "a"
}
cluster "lab" { kubernetes_version = "1.36.3" }
host "cp-1" {
  address = "192.0.2.11"
  roles   = ["control-plane", "etcd"]
  ssh {
    user            = "ops"
    become_password = var.words["cp-1"]
  }
}
host "worker-1" {
  address = "192.0.2.12"
  roles   = ["worker"]
  ssh {
    user            = "ops"
    become_password = var.pin
  }
}
host "worker-2" {
  address = "192.0.2.13"
  roles   = ["worker"]
  ssh {
    user            = "ops"
    become_password = "${var.words["a"]}-${var.pin}"
  }
}
`

// loadWithParts loads a spec after adding the components and images that it
// lacks.
func loadWithParts(t *testing.T, text string, opts Options) (*Cluster, string) {
	t.Helper()
	dir := t.TempDir()
	src, err := os.ReadFile("../examples/minimal/cluster.hcl")
	if err != nil {
		t.Fatal(err)
	}
	_, parts, ok := strings.Cut(string(src), "component \"")
	if !ok {
		t.Fatal("the example has no components")
	}
	if err := os.WriteFile(filepath.Join(dir, "cluster.hcl"), []byte(text+"component \""+parts), 0o644); err != nil {
		t.Fatal(err)
	}
	return mustLoad(t, dir, opts), dir
}

func TestSecretsAndInputs(t *testing.T) {
	c, dir := loadWithParts(t, withSecrets, Options{Vars: []string{`words={"cp-1" = "opensesame", a = "b"}`}})
	want := map[string]string{"cp-1.become_password": "words", "worker-1.become_password": "pin", "worker-2.become_password": ""}
	for _, f := range c.Secrets() {
		if got := strings.Join(f.Inputs, " "); got != want[f.Name] {
			t.Errorf("%s is the value of %q, want %q", f.Name, got, want[f.Name])
		}
		delete(want, f.Name)
	}
	if len(want) > 0 {
		t.Errorf("no secrets: %v", want)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.auto.hclvars"), []byte("pin = 4711\nzone = \"c\"\nother = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, decoded := recode(t, c)
	tests := []struct {
		name string
		opts Options
		want map[string]string // strings by input
		err  string
	}{
		{name: "folder", want: map[string]string{"pin": "4711", "zone": "c"}},
		{name: "environment is weaker", opts: Options{Env: []string{"PMK_VAR_pin=1", `PMK_VAR_words={a="x", b="y"}`}},
			want: map[string]string{"pin": "4711", "words": "x y", "zone": "c"}},
		{name: "argument is stronger", opts: Options{Vars: []string{"pin=0815"}}, want: map[string]string{"pin": "0815", "zone": "c"}},
		{name: "undeclared", opts: Options{Vars: []string{"pni=0815"}}, err: "pni"},
		{name: "no expression", opts: Options{Vars: []string{"words={"}}, err: "words"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			given, _, diags := InputValues(dir, decoded.Inputs, tt.opts)
			if tt.err != "" {
				if !diags.HasErrors() || !strings.Contains(diags.Error(), tt.err) {
					t.Errorf("got %v, want an error about %s", diags, tt.err)
				}
				return
			}
			got := map[string]string{}
			for name, list := range given {
				var words []string
				for _, s := range list {
					words = append(words, s.Reveal())
				}
				got[name] = strings.Join(words, " ")
			}
			if len(diags) > 0 || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, diags, tt.want)
			}
		})
	}
}

// TestFormerSettingsDecode: plans from before kube_proxy and coredns had types of
// their own can still be read.
func TestFormerSettingsDecode(t *testing.T) {
	const former = `{"KubeProxy": {"Config": {"a": 1}, "Flags": {"v": "2"}, "FeatureGates": null, "Mode": "nftables"},
		"CoreDNS": {"Config": {"replicas": 3, "corefile": ".:53"}, "Flags": {}, "FeatureGates": {}, "Mode": ""}}`
	var got Settings
	if err := json.Unmarshal([]byte(former), &got); err != nil {
		t.Fatal(err)
	}
	want := Settings{
		KubeProxy: KubeProxy{Mode: "nftables", Passthrough: Passthrough{Settings: modules.Settings{
			Config: modules.Fields{"a": int64(1)}, Flags: map[string]string{"v": "2"}}}},
		CoreDNS: CoreDNS{Config: DNS{Replicas: 3, Corefile: ".:53"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}
