package wording

import (
	"fmt"
	"time"

	"github.com/pmkctl/pmkctl/spec"
)

// Count returns a number of things: "1 host", "3 hosts".
func Count(n int, noun string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Bytes returns a size as people say it: "63 MB".
func Bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%d MB", (n+5e5)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%d kB", (n+500)/1e3)
	}
	return Count(int(n), "byte")
}

// When returns a moment to the minute.
func When(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// A Summary counts the steps of a plan and the hosts that they change.
type Summary struct{ Add, Change, Remove, Hosts int }

// String returns "Plan: 31 to add, 2 to change, 0 to remove on 3 hosts", or
// "No changes".
func (s Summary) String() string {
	if s.Add+s.Change+s.Remove == 0 {
		return "No changes"
	}
	return fmt.Sprintf("Plan: %d to add, %d to change, %d to remove on %s", s.Add, s.Change, s.Remove, Count(s.Hosts, "host"))
}

// Verdicts counts policies: "2 passed, 1 failed, 0 warnings".
func Verdicts(list []spec.PolicyVerdict) string {
	passed, failed, warned := 0, 0, 0
	for _, v := range list {
		switch {
		case v.Passed:
			passed++
		case v.Failed():
			failed++
		default:
			warned++
		}
	}
	return fmt.Sprintf("%d passed, %d failed, %s", passed, failed, Count(warned, "warning"))
}
