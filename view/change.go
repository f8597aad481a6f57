package view

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pmkctl/pmkctl/change"
)

// inputsHash is the hash that every unit of ours carries.
var inputsHash = regexp.MustCompile(change.InputsKey + `=[0-9a-f]+`)

// Headline is headline without colours.
func Headline(c change.Change) string { return headline(c, Style{}) }

// headline is the item and, in words, what becomes of it.
func headline(c change.Change, st Style) string {
	var b strings.Builder
	b.WriteString(visible(c.Item))
	if what := verdict(c); what != "" {
		b.WriteString(": " + visible(what))
	}
	if c.Action == change.Replace && !c.Gap {
		b.WriteString(" " + st.yellow("(replaces foreign)"))
	}
	if c.Drift {
		b.WriteString(" " + st.yellow("(changed on the host since the last apply)"))
	}
	if moved := transfer(c); moved != "" {
		b.WriteString(" (" + moved + ")")
	}
	if c.Why != "" && c.Action != change.Restart && c.Action != change.Reload {
		b.WriteString(st.faint(" (" + visible(c.Why) + ")"))
	}
	if !c.Until.IsZero() {
		b.WriteString(st.faint(" (known after " + c.Until.String() + ")"))
	}
	return b.String()
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
		return unless(c.Want, c.Content() == change.Sent) // transfer says it
	}
	return orEmpty(c.Have) + " -> " + orEmpty(c.Want)
}

// hashOnly tells if nothing of a unit changes but the hash, which tells
// people nothing.
func hashOnly(c change.Change) bool {
	return c.IsText() && c.Have != c.Want && c.Have != "" &&
		inputsHash.ReplaceAllString(c.Have, "") == inputsHash.ReplaceAllString(c.Want, "")
}

// transfer is what is moved to the host.
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

func unless(text string, empty bool) string {
	if empty {
		return ""
	}
	return text
}

func orEmpty(value string) string {
	if value == "" {
		return "(empty)"
	}
	return value
}

// Bytes is a size as people say it: "63 MB".
func Bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%d MB", (n+5e5)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%d kB", (n+500)/1e3)
	}
	return Count(int(n), "byte")
}
