package preflight

import "strings"

// An Entry is a finding as documents, events and saved plans have it: with the
// fields of a change.
type Entry struct {
	Kind   string `json:"kind"`   // always "finding"
	Action string `json:"action"` // always ""
	Item   string `json:"item"`   // the host, if it is about one, and the title
	Have   string `json:"have,omitempty"`
	Want   string `json:"want,omitempty"`
	Why    string `json:"why,omitempty"`
	ID     string `json:"id,omitempty"`
	Level  Level  `json:"level,omitempty"`
	Host   string `json:"host,omitempty"`
}

// Entry returns the finding as an Entry.
func (f Finding) Entry() Entry {
	item := f.Title
	if f.Host != "" {
		item = f.Host + " " + f.Title
	}
	return Entry{Kind: "finding", Item: item, Have: f.Found, Want: f.Expected, Why: f.Advice(), ID: f.ID, Level: f.Level, Host: f.Host}
}

// Finding returns the finding of an Entry. Its cause stays in the text of Do.
func (e Entry) Finding() Finding {
	title := e.Item
	if e.Host != "" {
		title = strings.TrimPrefix(title, e.Host+" ")
	}
	return Finding{ID: e.ID, Level: e.Level, Host: e.Host, Title: title, Found: e.Have, Expected: e.Want, Do: e.Why}
}

// Entries returns findings as entries. The list is not nil.
func Entries(fs []Finding) []Entry {
	list := make([]Entry, len(fs))
	for i, f := range fs {
		list[i] = f.Entry()
	}
	return list
}
