package change

import "github.com/pmkctl/pmkctl/address"

// An Exclusion is the reason why the changes of a step are not made.
type Exclusion struct {
	Flag  string       `json:"flag"`           // -target, -exclude or -limit
	Cause address.Addr `json:"cause,omitzero"` // the step that the flag excludes and this one needs; zero if the flag excludes this one

	Pending bool `json:"pending,omitempty"` // the excluded step has something to change
}
