package scheduler

import (
	"testing"

	"github.com/pmkctl/pmkctl/modules/internal/golden"
)

func plain() Module { return Module{Binary: "d1", Needs: []string{"d2"}} }

func passed() Module {
	m := plain()
	m.Config = map[string]any{"parallelism": 4.0, "leaderElection": map[string]any{"leaseDuration": "30s"}}
	m.FeatureGates = map[string]bool{"A": true}
	m.Flags = map[string]string{"bind-address": "0.0.0.0", "v": "2"}
	return m
}

func TestFiles(t *testing.T) {
	for name, m := range map[string]Module{"plain": plain(), "passed": passed()} {
		t.Run(name, func(t *testing.T) {
			s, err := m.service()
			if err != nil {
				t.Fatal(err)
			}
			golden.Files(t, "testdata/golden/"+name+".txtar", s.Wanted())
		})
	}
}
