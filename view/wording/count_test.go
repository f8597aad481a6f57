package wording_test

import (
	"testing"

	"github.com/pmkctl/pmkctl/view/wording"
)

func TestSummary(t *testing.T) {
	tests := []struct {
		s    wording.Summary
		want string
	}{
		{wording.Summary{}, "No changes"},
		{wording.Summary{Hosts: 3}, "No changes"},
		{wording.Summary{Add: 31, Change: 2, Hosts: 3}, "Plan: 31 to add, 2 to change, 0 to remove on 3 hosts"},
		{wording.Summary{Change: 1, Hosts: 1}, "Plan: 0 to add, 1 to change, 0 to remove on 1 host"},
	}
	for _, tt := range tests {
		if got := tt.s.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1 kB", 1499: "1 kB", 1500: "2 kB",
		999_499: "999 kB", 62_914_560: "63 MB", 1_250_000_000: "1.2 GB"} {
		if got := wording.Bytes(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
