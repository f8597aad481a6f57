package resource

import "testing"

func TestExec(t *testing.T) {
	tests := []struct {
		name string
		argv []string
		want string
	}{
		{"plain", []string{"/bin/x", "--a=b"}, "/bin/x \\\n  --a=b"},
		{"specifier", []string{"/bin/x", "50%i"}, "/bin/x \\\n  50%%i"},
		{"variable", []string{"/bin/x", "${HOME}"}, "/bin/x \\\n  $${HOME}"},
		{"space and quotes", []string{"/bin/x", `a "b" 'c'`}, "/bin/x \\\n  \"a \\\"b\\\" 'c'\""},
		{"backslash", []string{"/bin/x", `a\b`}, "/bin/x \\\n  \"a\\\\b\""},
		{"newline", []string{"/bin/x", "a\nb"}, "/bin/x \\\n  \"a\\nb\""},
		{"empty", []string{"/bin/x", ""}, "/bin/x \\\n  \"\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Exec(tt.argv...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
