package moduletest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/internal/golden"
)

// goldens runs the module on each host of testdata/*.txtar, see
// hosttest.WithArchive. The section "want" has what Check finds there, and what
// Apply then changes.
func (c *config) goldens(t *testing.T) {
	paths, err := filepath.Glob(c.glob)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		t.Run(filepath.Base(p), func(t *testing.T) {
			inBubble(t, func(t *testing.T) { c.golden(t, p) })
		})
	}
}

func (c *config) golden(t *testing.T, p string) {
	a, err := txtar.ParseFile(p)
	if err != nil {
		t.Fatal(err)
	}
	before := *c
	before.prepare = append(append([]func(*hosttest.Host){}, c.prepare...), func(h *hosttest.Host) { hosttest.WithArchive(a)(h) })
	b := before.bench(t)
	d := b.check(b.m, "")
	b.owns(d)
	if err := b.apply(b.m, d); err != nil {
		t.Fatalf("Apply: %v, for\n%s", err, render(d))
	}
	if remaining := b.check(b.m, "after Apply"); len(remaining) > 0 {
		t.Errorf("Check still finds after Apply:\n%s", render(remaining))
	}
	got := render(d) + "\n" + list(b.h.Log())
	for i := range a.Files {
		if f := &a.Files[i]; f.Name == "want" {
			f.Data = []byte(got)
		}
	}
	golden.Text(t, p, string(txtar.Format(a)))
}

// render returns a diff for goldens and messages: one change a line, except the
// texts of files.
func render(d change.Diff) string {
	var b strings.Builder
	for _, c := range d {
		fmt.Fprintf(&b, "%s %s %s", c.Action, c.Class, c.Item)
		if c.Kind == change.Text && c.Have != "" {
			b.WriteString("\n" + strings.TrimSuffix(difference(c.Have, c.Want), "\n"))
		} else if c.Kind != change.Text && c.Kind != change.PrivKey && c.Kind != change.Cert && !c.Secret && c.Have+c.Want != "" {
			fmt.Fprintf(&b, ": %s -> %s", orNothing(c.Have), orNothing(c.Want))
		}
		if c.Why != "" {
			fmt.Fprintf(&b, " (%s)", c.Why)
		}
		if !c.Until.IsZero() {
			fmt.Fprintf(&b, " (unknown until %s)", c.Until)
		}
		b.WriteByte('\n')
	}
	return inputsLine.ReplaceAllString(b.String(), "$1=...")
}

// inputsLine has a hash of inputs, and keys and certificates are among them.
var inputsLine = regexp.MustCompile(`(X-Pmkctl-Inputs|PMKCTL_INPUTS)=[0-9a-f]*`)

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func list(log []hosttest.Entry) string {
	var b strings.Builder
	for _, e := range log {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}
