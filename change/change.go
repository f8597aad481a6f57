// Package change says what a comparison found: the changes that make a host
// as it is wanted. It owns their vocabulary and nothing that makes them.
package change

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pmkctl/pmkctl/address"
)

// ReplaceAsked is why something is done again.
const ReplaceAsked = "-replace asks for it"

// Action is what a change does to its item.
type Action string

// The actions. Replace overwrites or changes what pmkctl did not make;
// Restart starts a service again because something it depends on changes.
// Reload makes systemd read a unit again, and interrupts nothing.
const (
	Add     Action = "add"
	Update  Action = "update"
	Remove  Action = "remove"
	Replace Action = "replace"
	Restart Action = "restart"
	Reload  Action = "reload"
)

// Kind is the sort of thing that a change is about; it decides how people
// see it.
type Kind string

// The kinds. A Text change has file contents in Have and Want and is shown
// line by line; the others have short values there.
const (
	Text      Kind = "file"
	Attr      Kind = "attributes" // mode, owner or type of a path
	Directory Kind = "directory"
	Symlink   Kind = "link"
	Transfer  Kind = "transfer" // a file that comes by digest
	Unit      Kind = "unit"     // state of a systemd unit
	Setting   Kind = "setting"  // sysctl, kernel module
	Account   Kind = "user"
	PrivKey   Kind = "key"
	Cert      Kind = "certificate"
	Image     Kind = "image"
	Object    Kind = "object"  // of the Kubernetes API
	Finding   Kind = "finding" // of a probe
)

// Change is one thing that differs.
type Change struct {
	Kind   Kind         `json:"kind"`
	Action Action       `json:"action"`
	Item   string       `json:"item"`             // path, unit, setting, object
	Have   string       `json:"have,omitempty"`   // what is there; "" where nothing is
	Want   string       `json:"want,omitempty"`   // what shall be there; "" where nothing shall
	Why    string       `json:"why,omitempty"`    // "/etc/etcd.yaml changes", "expires on 2027-01-02"
	Until  address.Step `json:"until,omitzero"`   // known only after this step ("kube-apiserver.cp-1"); Have and Want may be empty
	Secret bool         `json:"secret,omitempty"` // Have and Want are digests, not shown
	Bytes  int64        `json:"bytes,omitempty"`  // moved to the host
	SHA256 string       `json:"sha256,omitempty"` // of what is moved
	ID     string       `json:"id,omitempty"`     // of a finding's check: PF001
	Level  Level        `json:"level,omitempty"`  // of a finding
	Drift  bool         `json:"drift,omitempty"`  // what is there is not what pmkctl wrote last
}

// Level is how bad a finding is.
type Level string

// The levels. An error stops the run at the gate; Ignored is one that the
// spec says to ignore: it is shown, and stops nothing.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Ignored Level = "ignored"
)

// Attrs is mode and owner of a path as changes have them: "0644 root:root".
// "" is root.
func Attrs(mode uint32, owner, group string) string {
	return fmt.Sprintf("%04o %s:%s", mode, cmp.Or(owner, "root"), cmp.Or(group, "root"))
}

// Failed tells if there is a finding that stops the run.
func (d Diff) Failed() bool {
	for _, c := range d {
		if c.Kind == Finding && c.Level == Error {
			return true
		}
	}
	return false
}

// Diff is all that differs. Its order is the order of display; removals
// come first.
type Diff []Change

// Touches tells if a change is about item.
func (d Diff) Touches(item string) bool {
	for _, c := range d {
		if c.Item == item {
			return true
		}
	}
	return false
}

// Action sums a diff up: add if everything in it is new, remove if
// everything goes, else update. A unit that is new is started, and a
// transfer to nowhere is new. Changes known only later count as dependants:
// they are skipped unless there is nothing else, and then the result is "".
func (d Diff) Action() Action {
	var sum Action
	for _, c := range d {
		a := c.Action
		if !c.Until.IsZero() && a == "" {
			continue
		}
		if a != Add && a != Remove {
			a = Update
		}
		switch {
		case sum == "":
			sum = a
		case sum != a:
			sum = Update
		}
	}
	return sum
}

// Until lists the steps that parts of the diff wait for, each once.
func (d Diff) Until() []address.Step {
	var steps []address.Step
	for _, c := range d {
		if !c.Until.IsZero() && !slices.Contains(steps, c.Until) {
			steps = append(steps, c.Until)
		}
	}
	return steps
}
