package wording

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// inputsLine is a line with the hash that every unit of ours carries twice.
var inputsLine = regexp.MustCompile(`(?m)^(` + change.InputsKey + `|Environment=` + host.InputsVar + `)=[0-9a-f]+\n?`)

// Headline is the item and, in words, what becomes of it.
func Headline(c change.Change) Text {
	text := Text{{Text: Visible(c.Item)}}
	if words := verdict(c); words != "" {
		text = append(text, Span{Text: ": " + Visible(words)})
	}
	for _, w := range warnings(c) {
		text = append(text, Span{Text: " "}, Span{w, Warning})
	}
	if sent := transfer(c); sent != "" {
		text = append(text, Span{Text: " (" + sent + ")"})
	}
	if c.Why != "" && c.Action != change.Restart && c.Action != change.Reload {
		text = append(text, Span{" (" + Visible(c.Why) + ")", Aside})
	}
	if !c.Until.IsZero() {
		text = append(text, Span{" (known after " + c.Until.String() + ")", Aside})
	}
	return text
}

// Finding is a finding in words, as Headline has a change.
func Finding(f preflight.Finding) Text {
	text := Text{{Text: Visible(f.Entry().Item)}, {Text: ": " + Visible(fromTo(f.Found, f.Expected))}}
	if why := f.Advice(); why != "" {
		text = append(text, Span{" (" + Visible(why) + ")", Aside})
	}
	return text
}

func warnings(c change.Change) (out []string) {
	if c.Action == change.Replace && !c.Gap {
		out = append(out, "(replaces foreign)")
	}
	if c.Drift {
		out = append(out, "(changed on the host since the last apply)")
	}
	return out
}

func verdict(c change.Change) string {
	switch {
	case c.Secret:
		return "(sensitive, changes)"
	case c.Action == change.Restart && c.Cause == change.UnitFile(c.Item):
		return "restarts, because its unit file changes"
	case c.Action == change.Restart:
		return "restarts, because " + c.Why
	case c.Action == change.Reload:
		return "systemd is reloaded and the service goes on, because " + c.Why
	case hashOnly(c):
		return "another hash of what the service depends on"
	case c.IsText():
		return "" // its lines follow
	case c.Action == change.Remove:
		return "removed"
	case c.Have == c.Want, strings.HasSuffix(c.Item, c.Want) && c.Have == "":
		return "" // the item says it all
	case c.Action == change.Add:
		if c.Content() == change.Sent {
			return "" // transfer says it
		}
		return c.Want
	}
	return fromTo(c.Have, c.Want)
}

func fromTo(have, want string) string { return OrEmpty(have) + " -> " + OrEmpty(want) }

// hashOnly reports whether nothing of a unit changes except the hash of its
// inputs, which says nothing to people.
func hashOnly(c change.Change) bool {
	return c.IsText() && c.Have != c.Want && c.Have != "" &&
		inputsLine.ReplaceAllString(c.Have, "") == inputsLine.ReplaceAllString(c.Want, "")
}

// transfer is the size and the digest of a file that is sent.
func transfer(c change.Change) string {
	var parts []string
	if c.Bytes > 0 {
		parts = append(parts, Bytes(c.Bytes))
	}
	if c.SHA256 != "" && (c.Have == "" || c.Action == change.Add) {
		parts = append(parts, fmt.Sprintf("sha256 %.12s", c.SHA256))
	}
	return strings.Join(parts, ", ")
}

// OrEmpty returns a value, or the word for none.
func OrEmpty(value string) string {
	if value == "" {
		return "(empty)"
	}
	return value
}
