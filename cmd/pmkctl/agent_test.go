package main

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/agent"
)

// The agent says in its hello which pmkctl it is.
func TestAgentVersion(t *testing.T) {
	for command, want := range map[string]string{"pmkctl": "<nil>", "pmkctl-9": `the agent is of version "9.0.0"`} {
		p := exec.Command(command, agent.ReadOnlyArgs...)
		in, err := p.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		s, err := agent.Connect(t.Context(), pipes{out, in}, agent.ClientOptions{})
		if err == nil {
			s.Close()
		}
		if got := fmt.Sprint(err); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want it to begin with %s", command, got, want)
		}
		_ = p.Wait() // its status does not matter here
	}
}

// pipes are a process's output and input as one connection.
type pipes struct {
	io.Reader
	io.WriteCloser
}
