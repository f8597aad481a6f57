package page_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	chromepage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/page"
	"github.com/pmkctl/pmkctl/view/viewtest"
	"github.com/pmkctl/pmkctl/view/wording"
)

var someID = strings.Repeat("0123456789abcdef", 4)

// hostile is what a file on a host may hold to run, to break out, to call
// somebody or to read as something else.
const hostile = "</pre></script></details><img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>\n" +
	"```\n````\n<!-- @everyone closes #123, !45 --> | a | b\n\x1b[2J\u202etxt.exe\x00\r\n"

// livePlan is a change on a live cluster: a setting that restarts services,
// a file that somebody edited, and steps that remove and replace.
func livePlan(t testing.TB) *saved.Plan {
	t.Helper()
	w := viewtest.Workers(t, 3)
	w.Apply(t)
	w.Cluster.Settings.Kubelet.Config = map[string]any{"maxPods": 50}
	w.Cluster.Settings.Etcd.Config = map[string]any{"quota-backend-bytes": 4294967296}
	err := w.Memory["worker-2"].Admin().WriteFile(t.Context(), host.FileSpec{Path: "/var/lib/kubelet/config.yaml", Content: []byte(hostile), Mode: 0o644})
	if err != nil {
		t.Fatal(err)
	}
	p := viewtest.Plan(t, w)
	p.Steps = append(p.Steps,
		saved.Step{Addr: address.MustParse("files.worker-3"), Kind: saved.Module, Diff: saved.Diff{
			{Kind: change.Text, Action: change.Replace, Item: "/etc/motd <b>|`@all`", Have: hostile, Want: "ours\n"},
			{Kind: change.Text, Action: change.Update, Item: "/etc/password", Have: "d1", Want: "d2", Secret: true},
			{Kind: change.Attr, Action: change.Update, Item: "/etc/mode", Have: "0666 root:root", Want: "0644 root:root", Drift: true}}},
		saved.Step{Addr: address.MustParse("flannel.worker-8"), Kind: saved.Module, Diff: saved.Diff{
			{Kind: change.Sysctl, Action: change.Replace, Item: "backend", Have: "udp", Want: "vxlan", Why: "the backend vxlan replaces udp", Gap: true}}},
		saved.Step{Addr: address.MustParse("extra.worker-3"), Kind: saved.Module, Excluded: &change.Exclusion{Flag: "-exclude=extra.*", Pending: true}},
		saved.Step{Addr: address.MustParse("drain.worker-9"), On: "cp-1", Kind: saved.Module, Diff: saved.Diff{{Kind: change.Object, Action: change.Remove, Item: "node/worker-9", Have: "Ready"}}},
		saved.Step{Addr: address.MustParse("clean.worker-9"), Kind: saved.Module, Diff: saved.Diff{
			{Kind: change.Unit, Action: change.Remove, Item: "kubelet.service", Have: "enabled, active"},
			{Kind: change.Text, Action: change.Remove, Item: "/var/lib/kubelet/config.yaml", Have: strings.Repeat("line: 1\n", 30)},
			{Kind: change.Directory, Action: change.Remove, Item: "/var/lib/pmkctl", Have: "0700 root:root"}}})
	p.Cluster.Departing = []spec.Departing{{Host: &spec.Host{Name: "worker-8", Address: netip.MustParseAddr("10.20.0.9")}}, {Host: &spec.Host{Name: "worker-9", Address: netip.MustParseAddr("10.20.0.10")}, Unreachable: true}}
	p.Policies = []spec.PolicyVerdict{{Name: "calm", Severity: preflight.Warning, Message: "Not on Fridays\n<b>at all", File: "cluster.hcl", Line: 3}}
	return p
}

func planHTML(t testing.TB, p *saved.Plan) []byte {
	t.Helper()
	var b bytes.Buffer
	began := time.Now()
	if err := page.Plan(&b, p, someID, wording.NamesOf(p.Cluster)); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d hosts, %d steps: %d KiB, made in %s", len(p.Hosts), len(p.Steps), b.Len()>>10, time.Since(began))
	return b.Bytes()
}

// shown returns the titles of the steps that pass the filter.
func (b *tab) shown() string {
	b.t.Helper()
	return js[string](b, `[...document.querySelectorAll(".step:not(.off) > summary > b")].map(e => e.textContent).join("\n")`)
}

func (b *tab) media(kind, scheme string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: kind,
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	}))
}

func TestPlanPage(t *testing.T) {
	b := openPage(t, browser(t), planHTML(t, livePlan(t)))
	defer b.close()
	b.shoot("plan-live")
	if title := js[string](b, `document.title`); !strings.HasPrefix(title, "Plan for cluster lab: ") {
		t.Errorf("the title is %q: what a host holds became a part of the page", title)
	}
	wantAll(t, "the page", b.text("body"), "Made", "2026-11-22 17:30 UTC by alice@laptop", someID, "pmkctl apply -sha256="+someID,
		"Removal", "node/worker-9", "Replaces what pmkctl did not make", "1 of 1 control-plane host changes: cp-1", "1 of 1 etcd member changes",
		"4 kubelets restarted, at most 1 at a time", "etcd.service", "This is a part of what differs", "Left out, because of -exclude=extra.*: extra.worker-3", "2 hosts to leave: worker-[8-9]", "worker-9 does not answer: its disk stays as it is", "leaves the cluster", "1 item changed, which cannot be done without a gap: worker-8", "backend: the backend vxlan replaces udp", "Changed on the host", "/etc/mode",
		"0 passed, 0 failed, 1 warning", "Not on Fridays <b>at all", "debian 12", "Preflight", "passed")

	// By mouse: a step, and in it a file.
	if js[int](b, `document.querySelectorAll(".step[open]").length`) != 0 {
		t.Error("a step is unfolded from the start")
	}
	kubelet := `[...document.querySelectorAll(".step")].find(e => e.querySelector("b").textContent.includes("kubelet.worker-2"))`
	b.press(kubelet + ".querySelector('summary')")
	wantAll(t, "the step that was clicked", js[string](b, kubelet+".innerText"), "/var/lib/kubelet/config.yaml", "restarts kubelet")
	b.press(kubelet + ".querySelector('.file > summary')")
	wantAll(t, "the file that was clicked", js[string](b, kubelet+".innerText"), "<img src=x", `\x1b[2J\u202etxt.exe\x00\r`, "+ maxPods: 50")

	// By keyboard: tab to the next step, enter.
	js[chromedp.Void](b, kubelet+".querySelector(':scope > summary').focus()")
	b.do(chromedp.KeyEvent(kb.Enter))
	if js[bool](b, kubelet+".open") {
		t.Error("enter did not fold the step")
	}
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	if next := js[string](b, `document.activeElement.closest(".step").id`); !js[bool](b, `document.activeElement.closest(".step").open`) || next == js[string](b, kubelet+".id") {
		t.Errorf("tab and enter did not unfold the next step: the focus is in %s", next)
	}

	// By host, by mark, by both.
	b.choose("worker-3")
	if got := b.shown(); !strings.Contains(got, "files.worker-3") || strings.Contains(got, "worker-9") || strings.Contains(got, "cp-1\n") {
		t.Errorf("of worker-3 are shown\n%s", got)
	}
	wantAll(t, "the state", b.text("#plan-state"), "Only host worker-3: ", " steps are shown.")
	if rows := js[string](b, `[...document.querySelectorAll(".hosts tbody tr:not(.off) th")].map(e => e.textContent).join()`); rows != "worker-3" {
		t.Errorf("rows of hosts: %s", rows)
	}
	b.press(`document.querySelector('[data-mark="foreign"]')`)
	if got := b.shown(); got != "files.worker-3" {
		t.Errorf("of worker-3 what replaces: %q", got)
	}
	wantAll(t, "the address", js[string](b, `location.hash`), "host=worker-3", "mark=foreign")
	b.press(`document.querySelector('[data-mark="foreign"]')`)
	b.choose("all hosts")
	b.press(`document.querySelector('[data-show-mark="removal"]')`)
	if got := b.shown(); got != "drain.worker-9\nclean.worker-9" {
		t.Errorf("removals: %q", got)
	}
	b.press(`document.querySelector('[data-mark="removal"]')`)

	// A link to what is folded unfolds it.
	js[chromedp.Void](b, `location.hash = "#lines-`+js[string](b, `document.querySelector("pre[id]").id.slice(6)`)+`"`)
	if !b.comes(`document.querySelector("pre[id]").checkVisibility()`) {
		t.Error("a link leads to something that stays folded")
	}
}

// TestPlanPageOfDestroy: it cannot be taken for any other plan.
func TestPlanPageOfDestroy(t *testing.T) {
	p := livePlan(t)
	p.Destroy = true
	p.Steps = p.Steps[len(p.Steps)-2:]
	page, text := string(planHTML(t, p)), planMarkdown(t, p)
	wantAll(t, "the page", page, "<title>Destroy cluster lab: Plan: 0 to add, 0 to change, 2 to remove", "<h1>Destroy cluster lab</h1>", "the cluster ends")
	wantAll(t, "the Markdown", text, "## Destroy cluster `lab`", "🛑 **Takes everything")
	wantAll(t, "the page", page, "No service restarts; those that are removed stop.")
	if strings.Contains(page, `id="preflight"`) {
		t.Error("it tells of preflight, which nobody asks before a destroy")
	}
}

// TestPlanPageGraph zooms the picture, filters it, and goes from a box to
// its step.
func TestPlanPageGraph(t *testing.T) {
	b := openPage(t, browser(t), planHTML(t, livePlan(t)))
	defer b.close()
	width := func() float64 {
		return js[float64](b, `document.querySelector("#plan-graph svg").getBoundingClientRect().width`)
	}
	was := width()
	b.press(`document.getElementById("plan-larger")`)
	if now := width(); now < was*1.2 {
		t.Errorf("zoomed in from %g to %g", was, now)
	}
	js[chromedp.Void](b, `document.getElementById("plan-graph").focus()`)
	b.do(chromedp.KeyEvent("-"), chromedp.KeyEvent("-"))
	if now := width(); now > was*.9 {
		t.Errorf("zoomed out by keys from %g to %g", was, now)
	}
	b.do(chromedp.KeyEvent("0"))
	if over := js[int](b, `(e => e.scrollWidth - e.clientWidth)(document.getElementById("plan-graph"))`); over > 0 {
		t.Errorf("fitted, it is %d pixels too wide", over)
	}

	b.choose("worker-2")
	b.shoot("plan-filtered")
	lit := `[...document.querySelectorAll("#plan-graph .lane[data-host]:not(.dim)")].map(e => e.dataset.host).join()`
	if got := js[string](b, lit); got != "worker-2" {
		t.Errorf("of the picture is left: %q", got)
	}
	b.choose("all hosts")
	if got := js[string](b, lit); strings.Count(got, ",") != 5 {
		t.Errorf("without a filter there is %q", got)
	}
	b.press(`document.querySelector('#plan-graph [data-addr="etcd.cp-1"] use')`)
	if got := js[string](b, `document.activeElement.closest(".step[open]").querySelector("b").textContent`); got != "etcd.cp-1" {
		t.Errorf("a click on the box of etcd leads to %q", got)
	}
}

// TestPlanPageWithoutScript: all of it can be read, and no control is there
// that would do nothing.
func TestPlanPageWithoutScript(t *testing.T) {
	page := planHTML(t, livePlan(t))
	page = regexp.MustCompile(`(?s)<script>.*</script>`).ReplaceAll(page, []byte(`<script>"use strict"</script>`)) // its policy does not let that run
	b := openTab(t, browser(t), page)
	js[chromedp.Void](b, `document.querySelector(".probes").open = true`)
	if n := js[int](b, `[...document.querySelectorAll(".controls button, .controls select")].filter(e => e.checkVisibility()).length`); n != 0 {
		t.Errorf("%d controls are shown that do nothing", n)
	}
	b.press(`document.querySelector(".step > summary")`)
	if !js[bool](b, `document.querySelector(".step").open`) {
		t.Error("a step cannot be unfolded")
	}
	if len(b.trouble) != 1 || !strings.Contains(b.trouble[0], "Content Security Policy") {
		t.Errorf("a script that is not its own: %q, want the policy to stop it", b.trouble)
	}
}

// comes waits until an expression is true.
func (b *tab) comes(expression string) bool {
	b.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if js[bool](b, expression) {
			return true
		}
	}
	return false
}

// choose picks a host as a person does.
func (b *tab) choose(name string) {
	b.t.Helper()
	js[chromedp.Void](b, fmt.Sprintf(`(() => { const s = document.getElementById("plan-host");
		s.selectedIndex = [...s.options].findIndex(o => o.text === %q); s.dispatchEvent(new Event("change")); })()`, name))
}

// TestPlanPageLooks takes the page to a phone, into the dark and onto paper.
func TestPlanPageLooks(t *testing.T) {
	b := openPage(t, browser(t), planHTML(t, livePlan(t)))
	defer b.close()
	b.press(`document.getElementById("plan-unfold")`)
	b.shoot("plan-unfolded")
	b.media("screen", "dark")
	b.shoot("plan-dark")
	b.press(`document.getElementById("plan-fold")`)
	b.media("screen", "light")
	b.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
	b.shoot("plan-phone")
	js[chromedp.Void](b, `for (const d of document.querySelectorAll("details")) d.open = true`)
	if width := js[int](b, `document.documentElement.scrollWidth`); width > 360 {
		t.Errorf("the page is %d pixels wide on a phone of 360", width)
	}
	b.shoot("plan-phone-open")
	js[chromedp.Void](b, `for (const d of document.querySelectorAll("details")) d.open = false`)

	b.do(chromedp.EmulateViewport(794, 1123))
	b.media("print", "dark")
	for _, hidden := range []string{"#changes pre", "#matrix"} {
		if !js[bool](b, fmt.Sprintf(`document.querySelector(%q).checkVisibility()`, hidden)) || js[int](b, fmt.Sprintf(`Math.round(document.querySelector(%q).getBoundingClientRect().height)`, hidden)) == 0 {
			t.Errorf("%s is not printed", hidden)
		}
	}
	if n := js[int](b, `[...document.querySelectorAll(".controls button, select")].filter(e => e.checkVisibility()).length`); n != 0 {
		t.Errorf("%d controls are printed", n)
	}
	if paper := js[string](b, `getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color`); paper != "rgb(255, 255, 255)rgb(0, 0, 0)" {
		t.Errorf("printed in %s", paper)
	}
	b.shoot("plan-print")
	pdf, err := chromedp.Run(b.Context, func(ctx context.Context, target *chromedp.Target) ([]byte, error) {
		r, err := chromedp.Call(ctx, chromepage.PrintToPDF, chromepage.PrintToPDFParams{})
		return r.Data, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if *shots != "" {
		_ = os.WriteFile(filepath.Join(*shots, "plan.pdf"), pdf, 0o644)
	}
}

// TestPlanPageOfManyHosts: 200 hosts, in less than 3 MB and 2 s; also where
// no two of them change alike, and where half of them are left out. Of the
// time until the page is ready only that counts in which its main thread had
// a processor: other tests want one at the same time.
func TestPlanPageOfManyHosts(t *testing.T) {
	ctx, bare := browser(t), viewtest.Plan(t, viewtest.Workers(t, 199))
	for _, tt := range []struct {
		name  string
		plan  *saved.Plan
		shown string // of worker-150
	}{
		{"alike", bare, "kubelet on worker-[1-199]"},
		{"all different", different(bare), "kubelet.worker-150"},
		{"left out", leftOut(bare), "kubelet on worker-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page := planHTML(t, tt.plan)
			if len(page) > 3_000_000 {
				t.Errorf("the page has %d bytes, more than 3 MB", len(page))
			}
			b := openPage(t, ctx, page)
			defer b.close()
			work := b.work()
			if t.Logf("it worked for %s", work); work > 2*time.Second {
				t.Errorf("the page worked for %s until it was ready, more than 2 s", work)
			}
			b.shoot("plan-200-" + strings.ReplaceAll(tt.name, " ", "-"))
			began := time.Now()
			b.choose("worker-150")
			wantAll(t, "a step that is shown for worker-1 otherwise", js[string](b, `document.querySelector('.step[data-module="kubeconfigs"]:not(.off)').textContent`), "worker-150")
			wantAll(t, "the steps of worker-150", b.shown(), tt.shown)
			t.Logf("filtered in %s", time.Since(began))
		})
	}
}

// different is a plan in which every file on every host was edited there.
func different(p *saved.Plan) *saved.Plan {
	other := *p
	other.Steps = nil
	for i, s := range p.Steps {
		s.Diff = slices.Clone(s.Diff)
		for k, c := range s.Diff {
			if c.Kind == change.Text && s.Kind == saved.Module {
				s.Diff[k].Action, s.Diff[k].Have = change.Update, fmt.Sprintf("# edited by hand, the %d. time\n%s", i, c.Want)
			}
		}
		other.Steps = append(other.Steps, s)
	}
	return &other
}

// leftOut is a plan that does without every second worker.
func leftOut(p *saved.Plan) *saved.Plan {
	other := *p
	other.Absent, other.Steps, other.Hosts = map[string]string{}, nil, nil
	for i, h := range p.Hosts {
		if i%2 == 1 {
			other.Absent[h.Name] = "excluded"
		} else {
			other.Hosts = append(other.Hosts, h)
		}
	}
	for _, s := range p.Steps {
		if other.Absent[s.Addr.Host] == "" {
			other.Steps = append(other.Steps, s)
		}
	}
	report := *p.Report
	report.Edges = slices.Clone(report.Edges)
	for i, e := range report.Edges {
		if other.Absent[e.From]+other.Absent[e.To] != "" {
			report.Edges[i].Verdict, report.Edges[i].Detail, report.Edges[i].RTT = preflight.NotProbed, "excluded", 0
		}
	}
	other.Report = &report
	return &other
}
