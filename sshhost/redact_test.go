package sshhost

import "testing"

// No part of a password is left in a text, and ordinary words stay.
func TestWithout(t *testing.T) {
	tests := []struct{ secret, text, want string }{
		{"", "sudo: no", "sudo: no"},
		{"hunter2", "sudo: no", "sudo: no"},
		{"hunter2", "hunter2", "(sensitive)"},
		{"hunter2", "Password:hunter2", "Password:(sensitive)"},
		{"hunter2", "not 'hunter2', and not hunter2.", "not '(sensitive)', and not (sensitive)."},
		{"hunter2", "hunter2 hunter2", "(sensitive) (sensitive)"},
		{"hunter2", "xhunter2hunter2x", "x(sensitive)x"},
		{"abab", "ababab", "(sensitive)"},
		{"aaaa", "aaaaaaa b", "(sensitive) b"},
		{"two words", "PAM:two words two words", "PAM:(sensitive) (sensitive)"},
		{"x", "exit x x: 'x' x", "exit (sensitive) (sensitive): '(sensitive)' (sensitive)"},
		{"l\u00e4", "l\u00e4uft l\u00e4", "l\u00e4uft (sensitive)"},
		{"p.w", "p.w p.wd", "(sensitive) p.wd"},
	}
	for _, tt := range tests {
		if got := without(tt.text, tt.secret); got != tt.want {
			t.Errorf("%q without %q is %q, want %q", tt.text, tt.secret, got, tt.want)
		}
	}
}
