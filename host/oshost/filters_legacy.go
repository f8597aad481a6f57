package oshost

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// A legacyTable is what matches a query in a table of the older iptables. Its
// rules are one block in the kernel, so they are changed through the programs
// that wrote them.
type legacyTable struct {
	family, name string
	restore      string   // iptables-restore, or the like
	chains       []string // chains that match
	jumps        []string // rules in other chains that jump there, as "-A ..."
}

func (h *Host) legacyTables(ctx context.Context, q host.FilterQuery) (out []legacyTable, err error) {
	for _, l := range legacies {
		loaded, err := os.ReadFile(l.names)
		if err != nil {
			continue
		}
		names := strings.Fields(string(loaded))
		slices.Sort(names)
		for _, name := range names {
			save, restore := h.legacyPrograms(ctx, l.family)
			if save == "" {
				break // no program is installed that could have written rules
			}
			text, err := h.run(ctx, []string{save, "-t", name}, nil)
			if err != nil {
				return nil, err
			}
			if t := parseSaved(text, q); len(t.chains) > 0 {
				t.family, t.name, t.restore = l.family, name, restore
				out = append(out, t)
			}
		}
	}
	return out, nil
}

// legacyPrograms returns the programs of a family. If there is only one
// iptables, its version says whether it is the older one.
func (h *Host) legacyPrograms(ctx context.Context, family string) (save, restore string) {
	base := "iptables"
	if family == "ip6" {
		base = "ip6tables"
	}
	if program(base+"-legacy-save") != "" {
		return base + "-legacy-save", base + "-legacy-restore"
	}
	version, err := h.run(ctx, []string{base, "--version"}, nil)
	if err != nil || bytes.Contains(version, []byte("nf_tables")) {
		return "", ""
	}
	return base + "-save", base + "-restore"
}

// parseSaved reads the output of iptables-save for a table.
func parseSaved(text []byte, q host.FilterQuery) (t legacyTable) {
	for sc := bufio.NewScanner(bytes.NewReader(text)); sc.Scan(); {
		line := sc.Text()
		if chain, ok := strings.CutPrefix(line, ":"); ok {
			if name := first(strings.ReplaceAll(chain, " ", "/")); begins(name, q.Chains) {
				t.chains = append(t.chains, name)
			}
			continue
		}
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != "-A" || begins(f[1], q.Chains) {
			continue
		}
		for i, word := range f[:len(f)-1] {
			if (word == "-j" || word == "-g") && begins(f[i+1], q.Chains) {
				t.jumps = append(t.jumps, line)
			}
		}
	}
	return t
}

// clearLegacy removes rules and chains of a table, all or none.
func (h *Host) clearLegacy(ctx context.Context, t legacyTable) error {
	_, err := h.run(ctx, []string{t.restore, "--noflush", "-w", "10"}, []byte(t.removal()))
	if err != nil {
		return fmt.Errorf("clear iptables table %s: %w", t.name, err)
	}
	return nil
}

// removal returns the input for iptables-restore.
func (t legacyTable) removal() string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%s\n", t.name)
	for _, rule := range t.jumps {
		fmt.Fprintf(&b, "-D%s\n", strings.TrimPrefix(rule, "-A"))
	}
	for _, c := range t.chains {
		fmt.Fprintf(&b, "-F %s\n", c)
	}
	for _, c := range t.chains {
		fmt.Fprintf(&b, "-X %s\n", c)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}
