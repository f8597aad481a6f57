package resource

import (
	"strings"
	"testing"
)

func TestFlagsStandBehindArguments(t *testing.T) {
	text := Unit{Argv: []string{"/usr/bin/x", "--own"}, Flags: map[string]string{"v": "2", "a-b": "c d"}}.text("")
	if want := "ExecStart=" + Exec("/usr/bin/x", "--own", "--a-b=c d", "--v=2") + "\n"; !strings.Contains(text, want) {
		t.Errorf("got %s, want %s", text, want)
	}
}
