package spec

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestExamples loads every example except lab, which needs the files of lab-up
// (see TestLoadLab). All examples must be formatted.
func TestExamples(t *testing.T) {
	hosts := map[string]int{"minimal": 1, "three-hosts": 3, "airgap": 3, "hundred-workers": 101, "lab": 3, "ci": 2}
	dirs, err := os.ReadDir("../examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		t.Run(d.Name(), func(t *testing.T) {
			dir := filepath.Join("../examples", d.Name())
			wantFormatted(t, dir)
			if d.Name() == "lab" {
				dir = lab(t)
			}
			if c := mustLoad(t, dir, Options{}); len(c.Hosts) != hosts[d.Name()] {
				t.Errorf("got %d hosts, want %d", len(c.Hosts), hosts[d.Name()])
			}
		})
	}
}

func wantFormatted(t *testing.T, dir string) {
	t.Helper()
	files, err := Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if out, diags := Format(f, src); diags.HasErrors() || !bytes.Equal(src, out) {
			t.Errorf("%s is not as fmt writes it:\n%s", f, out)
		}
	}
}

func TestThreeHosts(t *testing.T) {
	c := mustLoad(t, "../examples/three-hosts", Options{Vars: []string{"become_password=s3cret-word"}})
	s := c.Hosts[2].SSH
	if s.Port != 2222 || s.User != "ops" || !s.Become || s.BecomePassword.Reveal() != "s3cret-word" {
		t.Errorf("layers of ssh: %+v", s)
	}
	if b := s.Bastion; b == nil || b.Address != "bastion.example.com" || b.User != "jump" || b.Port != 22 || b.IdentityFile != s.IdentityFile {
		t.Errorf("bastion %+v", b)
	}
	k := Overlay(c.Settings.Kubelet, c.Hosts[2].Kubelet)
	if k.Config["maxPods"] != int64(50) || k.Config["containerLogMaxSize"] != "50Mi" {
		t.Errorf("kubelet of worker-2: %+v", k)
	}
	if c.Hosts[1].Address.String() != "192.0.2.12" || c.API.Endpoint != "api.three.example.com" {
		t.Errorf("cluster %+v", c)
	}
}
