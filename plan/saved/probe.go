package saved

import (
	"encoding/json"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// step is a Step without its methods.
type step Step

// probeStep is a probe in the file, where its findings look like changes.
type probeStep struct {
	step
	Diff []entry `json:"diff,omitempty"`
}

// entry is a finding, and its values that no JSON string can hold.
type entry struct {
	preflight.Entry
	HaveRaw []byte `json:"have_raw,omitempty"` // in the place of have
	WantRaw []byte `json:"want_raw,omitempty"`
}

// MarshalJSON writes the findings of a probe as its diff.
func (s Step) MarshalJSON() ([]byte, error) {
	if s.Kind != Probe {
		return json.Marshal(step(s))
	}
	p := probeStep{step: step(s)}
	for _, f := range s.Findings {
		e := entry{Entry: f.Entry()}
		e.Have, e.HaveRaw = change.TextOrBytes(e.Have)
		e.Want, e.WantRaw = change.TextOrBytes(e.Want)
		p.Diff = append(p.Diff, e)
	}
	return json.Marshal(p)
}

// UnmarshalJSON reads what MarshalJSON made.
func (s *Step) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, (*step)(s)); err != nil || s.Kind != Probe {
		return err
	}
	var p probeStep
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	s.Diff = nil
	for _, e := range p.Diff {
		e.Have += string(e.HaveRaw)
		e.Want += string(e.WantRaw)
		s.Findings = append(s.Findings, e.Finding())
	}
	return nil
}
