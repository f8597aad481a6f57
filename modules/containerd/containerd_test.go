package containerd

import (
	"reflect"
	"slices"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func plain() Containerd { return Containerd{Sandbox: "registry.k8s.io/pause:3.10.2"} }

// lab is what the lab's hosts need, and a value of each type.
func lab() Containerd {
	return Containerd{
		Sandbox: "registry.k8s.io/pause:3.10.2",
		Settings: modules.Settings{Flags: map[string]string{"log-level": "info"}, Config: map[string]any{
			"debug": map[string]any{"level": "debug"},
			"plugins": map[string]any{"io.containerd.cri.v1.runtime": map[string]any{
				"restrict_oom_score_adj":      true,
				"max_container_log_line_size": 16384.0,
				"containerd":                  map[string]any{"runtimes": map[string]any{"crun": map[string]any{"runtime_type": "io.containerd.runc.v2"}}},
			}},
			"stream_processors": map[string]any{"a.b 'c'": map[string]any{"args": []any{"x", "it's \"y\""}, "ratio": 0.5}},
		}},
	}
}

func TestFiles(t *testing.T) {
	for name, m := range map[string]Containerd{"plain": plain(), "lab": lab()} {
		t.Run(name, func(t *testing.T) {
			moduletest.Files(t, "testdata/golden/"+name+".txtar", hosttest.New("worker-1"), New(m))
		})
	}
}

// What is passed through comes out of the TOML as it went in, on top of ours.
func TestConfigRoundTrip(t *testing.T) {
	m := lab()
	d, err := New(m).Check(t.Context(), hosttest.New("worker-1"))
	if err != nil {
		t.Fatal(err)
	}
	content := d[slices.IndexFunc(d, func(c change.Change) bool { return c.Item == configPath })].Want
	var got map[string]any
	if err := toml.Unmarshal([]byte(content), &got); err != nil {
		t.Fatal(err)
	}
	again, err := toml.Marshal(got)
	if err != nil || string(again) != content {
		t.Errorf("written again it is %s (%v), want %s", again, err, content)
	}
	// Laying the same settings over it once more changes nothing.
	merged, err := resource.Plain(m.Config.Over(got))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(merged, any(got)) {
		t.Errorf("got %v, want %v", got, merged)
	}
}
