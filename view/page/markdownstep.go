package page

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/view/wording"
)

// changes writes the steps, what matters most first: in full; without the
// lines of their files if that does not fit; and the names of all others.
func (m *markdown) changes() {
	if len(m.Changes) == 0 {
		return
	}
	m.line("\n### Changes\n")
	steps := slices.Clone(m.Changes)
	slices.SortStableFunc(steps, func(a, b *reviewStep) int { return a.weight() - b.weight() })
	short := 0
	var cut []*reviewStep
	for _, s := range steps {
		room := MarkdownLimit - cutRoom - m.b.Len()
		switch full, brief := s.markdown(true), s.markdown(false); {
		case len(full) < room:
			m.b.WriteString(full)
		case len(brief) < room:
			m.b.WriteString(brief)
			short++
		default:
			cut = append(cut, s)
		}
	}
	m.listCut(short, cut)
}

// listCut writes what is not shown, in less than cutRoom.
func (m *markdown) listCut(short int, cut []*reviewStep) {
	if short+len(cut) == 0 {
		return
	}
	m.line("### Cut to fit\n\nOf %s, %d are shown without the lines of their files, and %d only named. To see all of it: `pmkctl show FILE`, or a page with `pmkctl show -html plan.html FILE`.\n",
		wording.Count(len(m.Changes), "step"), short, len(cut))
	for i, s := range cut {
		line := "- " + code(clip(s.heading(), titleRoom))
		if m.b.Len()+len(line) > MarkdownLimit-100 {
			m.line("- and %d more", len(cut)-i)
			return
		}
		m.line("%s", line)
	}
}

// weight orders steps by what a reader must not miss.
func (s *reviewStep) weight() int {
	weight := markUnknown.rank()
	for _, k := range s.Marks {
		weight = min(weight, k.rank())
	}
	return weight
}

// heading returns the step in a line.
func (s *reviewStep) heading() string {
	text := wording.Sign(s.Action) + " " + s.Title
	var words []string
	for _, k := range s.Marks {
		words = append(words, k.Words())
	}
	if len(words) > 0 {
		text += " [" + strings.Join(words, ", ") + "]"
	}
	return wording.Visible(text)
}

// markdown returns the step folded, with the lines of its files or without.
func (s *reviewStep) markdown(lines bool) string {
	var body strings.Builder
	for _, n := range s.Notes {
		body.WriteString("# " + oneLine(n) + "\n")
	}
	cut := 0
	for _, i := range s.Items {
		fmt.Fprintf(&body, "%s %s\n", i.Sign, oneLine(i.Item+i.Rest))
		if !lines {
			cut += len(i.Lines)
			continue
		}
		for _, l := range i.Lines {
			body.WriteString(markdownLine(l) + "\n")
		}
	}
	if cut > 0 {
		fmt.Fprintf(&body, "# %s cut\n", wording.Count(cut, "line"))
	}
	fence := strings.Repeat("`", max(3, longestRun(body.String(), '`')+1))
	title := html.EscapeString(clip(s.heading(), titleRoom))
	if s.Action == change.Remove {
		title = "🛑 <b><code>" + title + "</code></b>"
	} else {
		title = "<code>" + title + "</code>"
	}
	return fmt.Sprintf("<details><summary>%s %s</summary>\n\n%sdiff\n%s%s\n\n</details>\n\n", title, wording.Count(len(s.Items), "change"), fence, body.String(), fence)
}
