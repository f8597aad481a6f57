package removal

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocs: what is removed is what the docs say, no more and no less.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile("../../docs/removal.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, p := range Places {
		at := p.Path
		if p.Prefix != "" {
			at += "/" + p.Prefix + "*"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", at, p.Who, p.What))
	}
	for _, s := range Settings {
		rows = append(rows, fmt.Sprintf("| `%s` | %s |", s.Name, s.Who))
	}
	for _, row := range rows {
		if !strings.Contains(string(b), row+"\n") {
			t.Errorf("docs/removal.md lacks %s", row)
		}
	}
	if n := strings.Count(string(b), "\n| `"); n != len(rows) {
		t.Errorf("docs/removal.md has %d rows, want %d", n, len(rows))
	}
	for _, name := range append(append(append([]string{}, links...), filters.Chains...), filters.Tables...) {
		if !strings.Contains(string(b), "`"+name+"`") {
			t.Errorf("docs/removal.md lacks %s", name)
		}
	}
}
