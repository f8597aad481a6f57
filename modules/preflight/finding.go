package preflight

import (
	"fmt"
	"strings"

	"github.com/pmkctl/pmkctl/change"
)

// A Finding is a fault that a check found.
type Finding struct {
	ID       string       `json:"id"`
	Level    change.Level `json:"level"`
	Host     string       `json:"host,omitempty"` // "" if it is about several hosts
	Title    string       `json:"title"`
	Found    string       `json:"found"`
	Expected string       `json:"expected,omitempty"`
	Cause    string       `json:"cause,omitempty"` // "" if it is not known
	Do       string       `json:"do"`
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

// change returns the finding as a change in a step's diff.
func (f Finding) change() change.Change {
	item := f.Title
	if f.Host != "" {
		item = f.Host + " " + f.Title
	}
	why := f.Do
	if f.Cause != "" {
		why = strings.ToUpper(f.Cause[:1]) + f.Cause[1:] + ". " + f.Do
	}
	return change.Change{Kind: change.Finding, Item: item, Have: f.Found, Want: f.Expected, Why: why, ID: f.ID, Level: f.Level, Host: f.Host}
}

// Diff returns findings as a step's diff, the worst first.
func Diff(fs []Finding) change.Diff {
	var d change.Diff
	for _, level := range []change.Level{change.Error, change.Warning, change.Ignored} {
		for _, f := range fs {
			if f.Level == level {
				d = append(d, f.change())
			}
		}
	}
	return d
}
