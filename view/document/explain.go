package document

import (
	"encoding/json"
	"io"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Explained is a check as `pmkctl explain -json` gives it.
type Explained struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Level  string `json:"level"` // unless the spec says otherwise
	Checks string `json:"checks"`
	Why    string `json:"why"`
	Do     string `json:"do"`
	Fixed  bool   `json:"fixed"` // no spec can change the level
}

// NewExplained returns what is known of a check.
func NewExplained(c preflight.Check) Explained {
	return Explained{c.ID, c.Title, string(c.Level), preflight.Checks(c.ID), c.Reason, c.Do, c.Firm()}
}

// Write writes a document as indented JSON.
func Write(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
