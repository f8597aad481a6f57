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

// Change is one thing that differs.
//
// A program decides by the fields and by what its kind is like. Have, Want
// and Why are for people: the only question that a program may ask about
// their text is whether it is empty, or the same as another.
type Change struct {
	Kind
	Action Action       `json:"action"`
	Item   string       `json:"item"`             // path, unit, setting, object
	Have   string       `json:"have,omitempty"`   // what is there; "" where nothing is
	Want   string       `json:"want,omitempty"`   // what shall be there; "" where nothing shall
	Why    string       `json:"why,omitempty"`    // "/etc/etcd.yaml changes", "expires on 2027-01-02"
	Until  address.Addr `json:"until,omitzero"`   // known only after this step ("kube-apiserver.cp-1"); Have and Want may be empty
	Secret bool         `json:"secret,omitempty"` // Have and Want are digests, not shown
	Bytes  int64        `json:"bytes,omitempty"`  // moved to the host
	SHA256 string       `json:"sha256,omitempty"` // of what is moved
	Host   string       `json:"host,omitempty"`   // of a Node that is not Ready
	Drift  bool         `json:"drift,omitempty"`  // what is there is not what pmkctl wrote last

	Unit       Units  `json:"unit,omitzero"`         // of a unit, the states that Have and Want print
	Cause      string `json:"cause,omitempty"`       // the item whose change makes this one necessary
	HaveSHA256 string `json:"have_sha256,omitempty"` // of a file that is there, where Have prints its digest
	Manifest   bool   `json:"manifest,omitempty"`    // Have and Want are the object as YAML, as far as it differs
	Generated  bool   `json:"generated,omitempty"`   // the content is made on the host by applying the change; Want is ""
	Gap        bool   `json:"gap,omitempty"`         // it replaces what pmkctl made, and service is interrupted meanwhile
	Redo       bool   `json:"redo,omitempty"`        // nothing differs: -replace asks for it
	Volatile   bool   `json:"volatile,omitempty"`    // what is there changes by itself; it is not a change by hand
}

// IsWhole reports whether the change stands for all that a step does, which
// is known only after another step.
func (c Change) IsWhole() bool { return c.Kind == Kind{} && !c.Until.IsZero() }

// IsText reports whether Have and Want are whole texts and not short values.
func (c Change) IsText() bool { return c.Content() == Written || c.Manifest }

// Moves reports whether what the change is about moves by itself, so that
// another check may find it different although the host was not touched.
func (c Change) Moves() bool { return c.Volatile || c.row().moves }

// Attrs is mode and owner of a path as changes have them: "0644 root:root".
// "" is root.
func Attrs(mode uint32, owner, group string) string {
	return fmt.Sprintf("%04o %s:%s", mode, cmp.Or(owner, "root"), cmp.Or(group, "root"))
}

// Diff is all that differs. Its order is the order of display; removals
// come first.
type Diff []Change

// Touches reports whether a change is about item.
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
func (d Diff) Until() []address.Addr {
	var steps []address.Addr
	for _, c := range d {
		if !c.Until.IsZero() && !slices.Contains(steps, c.Until) {
			steps = append(steps, c.Until)
		}
	}
	return steps
}
