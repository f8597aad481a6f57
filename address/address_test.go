package address

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Addr{
		"connectivity":                  {Module: "connectivity"},
		"kubelet.worker-1":              {Module: "kubelet", Host: "worker-1"},
		"kubelet.node-1.example.com":    {Module: "kubelet", Host: "node-1.example.com"},
		"file[motd].node-1.example.com": {Module: "file", Instance: "motd", Host: "node-1.example.com"},
		"file[/etc/a.b[0].cp-1":         {Module: "file", Instance: "/etc/a.b[0", Host: "cp-1"},
		"file[motd]":                    {Module: "file", Instance: "motd"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%+v is written %q, want %q", got, got, text)
		}
	}
	for _, text := range []string{"", ".", ".host", "kubelet.", "file[]", "file[].a", "file[motd", "file[motd]x", "file[motd].", "[motd].a", "a]b.c"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"kubelet.worker-1", "file[motd].a.b", "x[", "]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse(text)
		if err == nil && (a.String() != text || a.Module == "" || strings.ContainsAny(a.Module, ".[]")) {
			t.Errorf("Parse(%q) = %+v", text, a)
		}
	})
}
