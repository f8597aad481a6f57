package page_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/page"
	"github.com/pmkctl/pmkctl/view/viewtest"
	"github.com/pmkctl/pmkctl/view/wording"
)

func planMarkdown(t interface{ Fatal(...any) }, p *saved.Plan) string {
	var b bytes.Buffer
	if err := page.Markdown(&b, p, someID, wording.NamesOf(p.Cluster)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPlanMarkdown(t *testing.T) {
	p := livePlan(t)
	for i := range p.Steps { // the folder of the spec is another one each time
		p.Steps[i].Source.Filename = "cluster.hcl"
	}
	golden.Text(t, "testdata/plan.md", planMarkdown(t, p))
	golden.Text(t, "testdata/plan-saved.md", planMarkdown(t, viewtest.SavedPlan()))
}

// TestPlanMarkdownIsCut takes a plan that does not fit: what matters most is
// there in full, the rest is named.
func TestPlanMarkdownIsCut(t *testing.T) {
	p := viewtest.SavedPlan()
	p.Steps = append(p.Steps,
		saved.Step{Addr: address.MustParse("big.worker-1"), Kind: saved.Module, Diff: saved.Diff{{Kind: change.Text, Action: change.Add, Item: "/etc/big", Want: strings.Repeat("big\n", 50_000)}}})
	for i := range 400 {
		p.Steps = append(p.Steps, saved.Step{Addr: address.MustParse(fmt.Sprintf("m%d.worker-1", i)), Kind: saved.Module, Diff: saved.Diff{
			{Kind: change.Text, Action: change.Add, Item: fmt.Sprintf("/etc/f%d", i), Want: strings.Repeat(fmt.Sprintf("line of %d\n", i), 100)}}})
	}
	p.Steps = append(p.Steps,
		saved.Step{Addr: address.MustParse("gone.worker-2"), Kind: saved.Module, Diff: saved.Diff{{Kind: change.Text, Action: change.Remove, Item: "/etc/gone", Have: "its last line\n"}}})
	text := planMarkdown(t, p)
	checkMarkdown(t, text)
	wantAll(t, "the Markdown", text, "its last line", "+ /etc/big", "# 50000 lines cut", "### Cut to fit", "only named", "\n- and ", "pmkctl show FILE")
	if strings.Index(text, "gone.worker-2</code>") > strings.Index(text, "m0.worker-1</code>") {
		t.Error("the removal does not come first")
	}
}

// TestPlanMarkdownOfAnything: never too long, never left open, and nothing
// of what hosts and specs name outside code.
func TestPlanMarkdownOfAnything(t *testing.T) {
	nasty := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"```", "````\n", "</details>", "<details>", "|", "@everyone", "#123", "`", "``", "\n\n", "\r\n",
		"</code></summary>", hostile, strings.Repeat("`", 300), strings.Repeat("<", 500), "/close", "![x](http://x)", " ", "\\", "a\\|b", "\u2028", "$1", "&epic", "~bug", "\xff"}))
	words := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(nasty, 0, 4).Draw(t, "words"), "") })
	actions := rapid.SampledFrom([]change.Action{change.Add, change.Update, change.Remove, change.Replace, change.Restart, ""})
	kinds := rapid.SampledFrom([]change.Kind{change.Text, change.Unit, change.Object, change.Transfer, change.Sysctl})
	rapid.Check(t, func(t *rapid.T) {
		p := viewtest.SavedPlan()
		p.Who, p.Cluster.Name = words.Draw(t, "who"), words.Draw(t, "cluster")
		for i := range rapid.IntRange(0, 300).Draw(t, "hosts") {
			p.Cluster.Hosts = append(p.Cluster.Hosts, &spec.Host{Name: fmt.Sprintf("h%s%d", words.Draw(t, "host"), i), Roles: []spec.Role{spec.ControlPlane}})
		}
		for i := range rapid.IntRange(0, 40).Draw(t, "steps") {
			h := p.Cluster.Hosts[rapid.IntRange(0, len(p.Cluster.Hosts)-1).Draw(t, "on")].Name
			var d saved.Diff
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				times := rapid.SampledFrom([]int{1, 1, 1, 2000}).Draw(t, "times")
				d = append(d, change.Change{Kind: kinds.Draw(t, "kind"), Action: actions.Draw(t, "action"), Item: words.Draw(t, "item"),
					Have: strings.Repeat(words.Draw(t, "have"), times), Want: words.Draw(t, "want"), Why: words.Draw(t, "why"), Until: address.Of("m", words.Draw(t, "until"))})
			}
			p.Steps = append(p.Steps, saved.Step{Addr: address.Of(fmt.Sprintf("m%d", i), h), Kind: saved.Module, Diff: d})
		}
		checkMarkdown(t, planMarkdown(t, p))
	})
}

var (
	fenceLine = regexp.MustCompile("^(`{3,})(diff)?$")
	codeSpan  = regexp.MustCompile("<code>[^<]*</code>")
	ours      = regexp.MustCompile(`<details><summary>|</summary>|</?b>|</details>|\(-|\d+ (bytes?|kB|MB)`)
)

// checkMarkdown reads it as GitHub does: fences first, then code, then HTML.
func checkMarkdown(t interface {
	Errorf(string, ...any)
	Fatalf(string, ...any)
}, text string) {
	if len(text) >= page.MarkdownLimit {
		t.Errorf("%d bytes, not less than %d", len(text), page.MarkdownLimit)
	}
	fence, depth := "", 0
	for i, line := range strings.Split(text, "\n") {
		m := fenceLine.FindStringSubmatch(line)
		switch {
		case fence != "":
			if len(m) > 0 && len(m[1]) >= len(fence) && m[2] == "" {
				fence = ""
			}
			continue
		case len(m) > 0:
			fence = m[1]
			continue
		}
		if cells := tableCells(line); cells > 0 && cells != 3 && cells != 7 {
			t.Fatalf("line %d has %d cells: %q", i+1, cells, line)
		}
		rest := codeSpan.ReplaceAllString(withoutCode(line), "")
		depth += strings.Count(rest, "<details>") - strings.Count(rest, "</details>")
		if depth < 0 || depth > 1 {
			t.Fatalf("line %d: details in details", i+1)
		}
		rest = ours.ReplaceAllString(rest, "")
		if bad := strings.IndexAny(strings.TrimLeft(rest, "# "), "@#<>&$~!\\"); bad >= 0 {
			t.Fatalf("line %d has something outside code: %q", i+1, line)
		}
	}
	if fence != "" || depth != 0 {
		t.Fatalf("left open: fence %q, %d details in\n%s", fence, depth, text)
	}
}

// tableCells counts the cells of a row as GitHub splits it: at each pipe
// that no backslash stands before, of which two are one.
func tableCells(line string) int {
	if !strings.HasPrefix(line, "| ") {
		return 0
	}
	n := -1
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '|':
			n++
		}
	}
	return n
}

// withoutCode takes code spans away, as Markdown finds them: a run of
// backticks up to the next run as long.
func withoutCode(line string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(line, '`')
		if open < 0 {
			return b.String() + line
		}
		n := len(line[open:]) - len(strings.TrimLeft(line[open:], "`"))
		end := closing(line[open+n:], n)
		b.WriteString(line[:open])
		if end < 0 {
			return b.String() + line[open+n:]
		}
		line = line[open+n+end+n:]
	}
}

func closing(text string, n int) int {
	for i := 0; i < len(text); {
		if text[i] != '`' {
			i++
			continue
		}
		run := len(text[i:]) - len(strings.TrimLeft(text[i:], "`"))
		if run == n {
			return i
		}
		i += run
	}
	return -1
}
