package host

import "time"

// Provenance is what a host can tell of who changed a thing last.
type Provenance struct {
	Item    string    `json:"item"`
	Changed time.Time `json:"changed,omitzero"`  // the last change; of a path that is gone, of its directory; zero if nobody knows
	Owner   string    `json:"owner,omitempty"`   // of the file
	Package string    `json:"package,omitempty"` // that the path belongs to
	Traces  []Trace   `json:"traces,omitempty"`  // what happened then, oldest first
}

// Trace is a line of a log that may explain a change.
type Trace struct {
	Time   time.Time `json:"time"`
	Source string    `json:"source"`          // sudo, sshd, apt, dpkg, dnf
	Who    string    `json:"who,omitempty"`   // the user
	What   string    `json:"what"`            // a command, an address, a package
	Names  bool      `json:"names,omitempty"` // it names the thing itself
}
