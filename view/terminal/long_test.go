package terminal_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/plan/plantest"
	"github.com/pmkctl/pmkctl/view/terminal"
	"github.com/pmkctl/pmkctl/view/viewtest"
	"github.com/pmkctl/pmkctl/view/wording"
)

// planText is what Plan prints.
func planText(t testing.TB, c *executor.Checked, names wording.Names, st terminal.Style) string {
	t.Helper()
	var out bytes.Buffer
	if err := terminal.Plan(&out, c, names, st); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestHundredHosts is all that a plan of many bare hosts prints.
func TestHundredHosts(t *testing.T) {
	p := viewtest.Plan(t, plantest.Load(t, "../../examples/hundred-workers", 1000))
	c, names := executor.Saved(p), wording.NamesOf(p.Cluster)
	short := planText(t, c, names, terminal.NewStyle(false))
	golden.Text(t, "testdata/plan-hundred-workers.txt", short)
	var all bytes.Buffer
	if err := terminal.Saved(&all, p, "", names, terminal.NewStyle(false)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(all.String(), "\n"); n > 120 {
		t.Errorf("%d lines with preflight's, want at most 120", n)
	}
	full := planText(t, c, names, terminal.NewStyle(false).Full())
	for _, s := range c.Pending() {
		for _, ch := range c.Diffs[s.Addr] {
			if s.Addr.Host == "cp-1" && !strings.Contains(full, " "+wording.Headline(withoutUntil(ch)).String()) {
				t.Errorf("%s %s is not shown in full", s.Addr, wording.Headline(ch))
			}
		}
	}
	if strings.Contains(full, "Folded") || !strings.Contains(full, "        +   cgroupDriver: systemd\n") && !strings.Contains(full, "        + cgroupDriver: systemd\n") {
		t.Error("the full plan is folded")
	}
}

// withoutUntil returns a change as it is shown below words that say once what
// all changes wait for.
func withoutUntil(c change.Change) change.Change {
	c.Until = address.Addr{}
	return c
}

// thousand has as many workers that do what one does in its own name.
func thousand(t testing.TB) (*executor.Checked, wording.Names) {
	t.Helper()
	p := viewtest.Plan(t, plantest.Load(t, "../../examples/hundred-workers", 1000))
	c, names := executor.Saved(p), wording.NamesOf(p.Cluster)
	const first = "worker-001"
	ip := names[first][1]
	for i := range 900 {
		name, addr := fmt.Sprintf("other-%d", i), fmt.Sprintf("10.30.%d.%d", i/200, i%200+1)
		names[name] = []string{name, addr, addr}
		own := strings.NewReplacer(first, name, ip, addr)
		for _, s := range c.Pending() {
			if s.Addr.Host != first {
				continue
			}
			step := *s
			step.Addr = address.Of(s.Addr.Module, name)
			d := append(change.Diff{}, c.Diffs[s.Addr]...)
			for i := range d {
				d[i].Item, d[i].Have, d[i].Want = own.Replace(d[i].Item), own.Replace(d[i].Have), own.Replace(d[i].Want)
			}
			c.Graph.Steps = append(c.Graph.Steps, &step)
			c.Diffs[step.Addr] = d
		}
	}
	return c, names
}

// TestThousandHosts is read in a moment, and as short as that of a hundred.
func TestThousandHosts(t *testing.T) {
	c, names := thousand(t)
	began := time.Now()
	text := planText(t, c, names, terminal.NewStyle(false))
	took := time.Since(began)
	t.Logf("%d steps, %d lines, %s", len(c.Pending()), strings.Count(text, "\n"), took)
	if n := strings.Count(text, "\n"); n > 100 {
		t.Errorf("%d lines, want at most 100", n)
	}
	if took > 5*time.Second { // a fifth of one, unless the machine is slow or busy
		t.Errorf("took %s", took)
	}
	if !strings.Contains(text, "+ kube-proxy on cp-1, other-[0-899], worker-[001-100]: ") {
		t.Errorf("hosts are not told together:\n%s", text)
	}
}

func BenchmarkPlan(b *testing.B) {
	c, names := thousand(b)
	for b.Loop() {
		planText(b, c, names, terminal.NewStyle(false))
	}
}
