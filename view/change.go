package view

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/pmkctl/pmkctl/modules"
)

// inputsHash is the hash that every unit of ours carries; see
// modules/internal/resource.
var inputsHash = regexp.MustCompile(`X-Pmkctl-Inputs=[0-9a-f]+`)

// contextLines are the lines shown around a changed one.
const contextLines = 2

// showChange shows one item, and its lines where it is a file.
func showChange(p *printer, c modules.Change, st Style) {
	p.line("    ", sign(c.Action, st), " ", headline(c, st))
	if c.Kind != modules.Text && c.Kind != modules.Object || c.Secret {
		return
	}
	for _, line := range lines(c) {
		p.line("        ", paintLine(line, st))
	}
}

// headline is the item and, in words, what becomes of it.
func headline(c modules.Change, st Style) string {
	var b strings.Builder
	b.WriteString(c.Item)
	if what := verdict(c); what != "" {
		b.WriteString(": " + what)
	}
	if c.Action == modules.Replace {
		b.WriteString(" " + st.yellow("(replaces foreign)"))
	}
	if c.Bytes > 0 {
		fmt.Fprintf(&b, " (%s, sha256 %.12s)", Bytes(c.Bytes), c.SHA256)
	}
	if c.Why != "" && c.Action != modules.Restart {
		b.WriteString(st.faint(" (" + c.Why + ")"))
	}
	if c.Until != "" {
		b.WriteString(st.faint(" (known after " + c.Until + ")"))
	}
	return b.String()
}

func verdict(c modules.Change) string {
	switch {
	case c.Secret:
		return "(sensitive, changes)"
	case c.Action == modules.Restart:
		return "restarts, because " + c.Why
	case c.Kind == modules.Text, strings.Contains(c.Have+c.Want, "\n"):
		return "" // its lines follow
	case c.Action == modules.Remove:
		return "removed"
	case c.Have == "" && c.Want == "":
		return ""
	case c.Have == "" || c.Action == modules.Add:
		return c.Want
	case c.Want == "":
		return c.Have
	}
	return c.Have + " -> " + c.Want
}

// lines is a file's change line by line, each with its sign first; a new or
// removed file has all its lines.
func lines(c modules.Change) []string {
	if c.Have == "" && c.Kind == modules.Object && !strings.Contains(c.Want, "\n") {
		return nil
	}
	edits := udiff.Lines(c.Have, c.Want)
	u, err := udiff.ToUnified("", "", c.Have, edits, contextLines)
	if err != nil || u == "" {
		return nil
	}
	var out []string
	for _, line := range strings.Split(strings.TrimSuffix(u, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, `\ No newline`):
		case strings.HasPrefix(line, "@@"):
			if len(out) > 0 {
				out = append(out, "  ...")
			}
		default:
			out = append(out, line[:1]+" "+line[1:])
		}
	}
	return out
}

func paintLine(line string, st Style) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return st.green(line)
	case strings.HasPrefix(line, "-"):
		return st.red(line)
	}
	return st.faint(line)
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
	return fmt.Sprintf("%d bytes", n)
}
