package preflight

import (
	"fmt"
	"slices"
	"strings"
)

// A Finding is a fault that a check found.
type Finding struct {
	ID       string `json:"id"`
	Level    Level  `json:"level"`
	Host     string `json:"host,omitempty"` // "" if it is about several hosts
	Title    string `json:"title"`
	Found    string `json:"found"`
	Expected string `json:"expected,omitempty"`
	Cause    string `json:"cause,omitempty"` // "" if it is not known
	Do       string `json:"do"`
}

// String is one line: "worker-1: swap: /dev/sda2 is on; expected off (PF005)".
func (f Finding) String() string {
	var b strings.Builder
	if f.Host != "" {
		b.WriteString(f.Host + ": ")
	}
	b.WriteString(f.Found)
	if f.Expected != "" {
		fmt.Fprintf(&b, "; expected %s", f.Expected)
	}
	if f.Cause != "" {
		fmt.Fprintf(&b, ": %s", f.Cause)
	}
	fmt.Fprintf(&b, " (%s)", f.ID)
	return b.String()
}

// NewFinding fills in level, title and advice from the catalogue. It panics
// if the catalogue has no such id.
func NewFinding(id, host, found, expected string) Finding {
	c, ok := Find(id)
	if !ok {
		panic("preflight: no check " + id)
	}
	return Finding{ID: id, Level: c.Level, Host: host, Title: c.Title, Found: found, Expected: expected, Do: c.Do}
}

// Advice is what to do, with the cause before it if that is known.
func (f Finding) Advice() string {
	if f.Cause == "" {
		return f.Do
	}
	return strings.ToUpper(f.Cause[:1]) + f.Cause[1:] + ". " + f.Do
}

// WorstFirst returns findings by level, and within a level as they stand.
func WorstFirst(fs []Finding) []Finding {
	fs = slices.Clone(fs)
	slices.SortStableFunc(fs, func(a, b Finding) int { return slices.Index(Ranked, a.Level) - slices.Index(Ranked, b.Level) })
	return fs
}

// Stops reports whether one of the findings stops the run.
func Stops(fs []Finding) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Level == Error })
}
