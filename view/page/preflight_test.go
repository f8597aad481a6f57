package page_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	chromelog "github.com/chromedp/cdproto/log"
	chromenet "github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/page"
	"github.com/pmkctl/pmkctl/view/viewtest"
)

var shots = flag.String("shots", "", "keep pictures of the pages in this folder")

// browser starts Chromium with nothing of the user's.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		t.Fatal("there is no Chromium to test the page with: install Debian's package chromium, or run make setup")
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.WSURLReadTimeout(time.Minute))
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// A tab is a page that is open, and what happened in it that must not.
type tab struct {
	context.Context
	t    *testing.T
	size int

	mu      sync.Mutex
	trouble []string
}

// open shows the page of a network.
func open(t *testing.T, ctx context.Context, w *viewtest.Network) *tab {
	t.Helper()
	r, _ := w.Run(t)
	var html bytes.Buffer
	began := time.Now()
	if err := page.Preflight(&html, document.NewPreflight(r)); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d hosts: %d KiB, made in %s", len(w.Cluster.Hosts), html.Len()>>10, time.Since(began))
	return openPage(t, ctx, html.Bytes())
}

// openPage opens a page, whose script comes to its end.
func openPage(t *testing.T, ctx context.Context, page []byte) *tab {
	t.Helper()
	b := openTab(t, ctx, page)
	if js[string](b, `document.documentElement.dataset.ready`) != "true" {
		t.Fatal("the page's script did not end: ", b.trouble)
	}
	return b
}

func openTab(t *testing.T, ctx context.Context, page []byte) *tab {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, page, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{Context: ctx, t: t, size: len(page)}
	if err := chromedp.Listen(ctx, b.watch); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	b.do(countWork, chromedp.EmulateViewport(1400, 1000), chromedp.Navigate("file://"+path))
	t.Logf("shown in %s", time.Since(began))
	return b
}

// countWork makes the page's main thread count the time in which it has a
// processor, not the time in which it waits for one.
var countWork = chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
	_, err := chromedp.Call(ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	return err
})

// work is how long the page's main thread has had a processor so far.
func (b *tab) work() time.Duration {
	b.t.Helper()
	got, err := chromedp.Run(b.Context, func(ctx context.Context, target *chromedp.Target) (performance.GetMetricsResult, error) {
		return chromedp.Call(ctx, performance.GetMetrics, cdp.Empty{})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, m := range got.Metrics {
		if m.Name == "TaskDuration" && m.Value > 0 {
			return time.Duration(m.Value * float64(time.Second))
		}
	}
	b.t.Fatal("Chromium does not tell how long the page's main thread worked")
	return 0
}

// watch notes what a page must not do: ask for anything but itself, or fail.
func (b *tab) watch(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *chromenet.EventRequestWillBeSent:
		if !strings.HasPrefix(ev.Request.URL, "file://") || !strings.HasSuffix(ev.Request.URL, "/page.html") {
			b.trouble = append(b.trouble, "asked for "+ev.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		b.trouble = append(b.trouble, fmt.Sprintf("%s %+v", ev.ExceptionDetails.Text, ev.ExceptionDetails.Exception))
	case *chromelog.EventEntryAdded:
		b.trouble = append(b.trouble, fmt.Sprintf("%s: %s", ev.Entry.Level, ev.Entry.Text))
	case *runtime.EventConsoleAPICalled:
		b.trouble = append(b.trouble, fmt.Sprintf("console: %+v", ev.Args))
	}
}

// limit is for one action: machines that build are slow.
const limit = time.Minute

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, limit)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// js is the value of an expression in the page.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, limit)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// text is what an element shows.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return js[string](b, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// panel returns what the page says about the selected cell.
func (b *tab) panel() string {
	b.t.Helper()
	return b.text("#cell")
}

// close checks that nothing went wrong in the page.
func (b *tab) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.trouble {
		b.t.Error(s)
	}
}

type point struct{ X, Y float64 }

// click clicks into the middle of a cell.
func (b *tab) click(row, column int) {
	b.t.Helper()
	at := js[point](b, fmt.Sprintf(`(() => {
		const svg = document.getElementById("matrix"), p = new DOMPoint(%d.5, %d.5);
		const see = () => p.matrixTransform(svg.getScreenCTM());
		svg.scrollIntoView({block: "start"});
		const scroll = document.getElementById("scroll"), box = scroll.getBoundingClientRect();
		scroll.scrollBy(see().x - box.x - 60, see().y - box.y - 60);
		return {X: see().x, Y: see().y};
	})()`, column, row))
	b.do(chromedp.MouseClickXY(at.X, at.Y))
}

// press clicks on an element that an expression finds.
func (b *tab) press(expression string) {
	b.t.Helper()
	at := js[point](b, fmt.Sprintf(`(() => {
		const e = %s;
		e.scrollIntoView({block: "center"});
		const r = e.getBoundingClientRect();
		return {X: r.x + r.width/2, Y: r.y + r.height/2};
	})()`, expression))
	b.do(chromedp.MouseClickXY(at.X, at.Y))
}

func (b *tab) shoot(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(b.Context, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func wantAll(t *testing.T, where, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", where, w, text)
		}
	}
}

func TestPage(t *testing.T) {
	ctx := browser(t)
	w := viewtest.NewNetwork(3)
	viewtest.Faults["mixed"](w)
	b := open(t, ctx, w)
	defer b.close()

	b.click(2, 1)
	wantAll(t, "the cell that was clicked", b.panel(), "worker-2 → worker-1", "8285/udp pod network: filtered",
		"no answer, and nothing arrived", "10250/tcp kubelet: ok", "round trip 0.20 ms", "worker-1 → worker-2", "lossy", "of ", "answered")
	b.shoot("clicked-3")

	js[chromedp.Void](b, `document.getElementById("matrix").focus()`)
	b.do(chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowUp))
	wantAll(t, "the cell that the arrow keys lead to", b.panel(), "worker-1 → cp-1", "6443/tcp API server: refused", "a firewall refuses")
	b.do(chromedp.KeyEvent(kb.ArrowRight))
	wantAll(t, "the diagonal", b.panel(), "10.0.0.2 · worker", "PF030", "held", "</script><b>x (pid 77)")
	b.do(chromedp.KeyEvent("n"))
	wantAll(t, "the next problem", b.panel(), "worker-1 → worker-2", "lossy")

	b.press(`document.querySelector('[data-said="1"]')`)
	wantAll(t, "the cell of a statement", b.panel(), "worker-2 → worker-1", "filtered")
	if marked := js[string](b, `document.getElementById("marked").getAttribute("d")`); marked != "M1 2h1v1h-1z" {
		t.Errorf("marked %q, want the cell of the statement alone", marked)
	}

	// One port: the picture has that port's verdicts, the legend counts them.
	b.press(`[...document.querySelectorAll("[data-show]")].find(e => e.innerText === "6443/tcp")`)
	wantAll(t, "the legend of 6443/tcp", b.text(".legend:not(.off)"), "refused", "1 pair", "ok: 1 pair")

	if n := js[int](b, `[...document.querySelectorAll("b")].filter(e => e.innerText.startsWith("x")).length`); n != 0 {
		t.Error("the name of a process became an element of the page")
	}
	// On paper nothing is left that would have to be clicked.
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	}))
	b.shoot("print-3")
	if n := js[int](b, `[...document.querySelectorAll(".controls button, select")].filter(e => e.offsetParent).length`); n != 0 {
		t.Errorf("%d controls are printed", n)
	}
	wantAll(t, "the page", b.text("body"), "Preflight of lab", "failed", "Ignored by the spec: PF008 free disk, PF009 memory.", "worker-2 -> worker-1 8285/udp filtered",
		"Let the traffic pass", "10256/tcp", "expected free, or held by kube-proxy.service")
}

// TestPageOfManyHosts opens pages of all sizes, on a screen and on a phone.
func TestPageOfManyHosts(t *testing.T) {
	ctx := browser(t)
	for _, tt := range []struct {
		hosts int
		fault string
		limit int // bytes
	}{{1, "healthy", 60 << 10}, {3, "healthy", 60 << 10}, {40, "mixed", 200 << 10}, {40, "cut-off", 200 << 10}, {200, "scattered", 4 << 20}, {200, "left-out", 4 << 20}} {
		t.Run(fmt.Sprintf("%s-%d", tt.fault, tt.hosts), func(t *testing.T) {
			w := viewtest.NewNetwork(tt.hosts)
			viewtest.Faults[tt.fault](w)
			b := open(t, ctx, w)
			defer b.close()
			if b.size > tt.limit {
				t.Errorf("the page has %d bytes, more than %d", b.size, tt.limit)
			}
			b.shoot(fmt.Sprintf("%s-%d", tt.fault, tt.hosts))
			last := w.Cluster.Hosts[tt.hosts-1].Name
			b.click(tt.hosts-1, 0)
			if tt.hosts > 1 {
				wantAll(t, "the lower left cell", b.panel(), last+" → cp-1", "6443/tcp", "cp-1 → "+last)
			} else {
				wantAll(t, "the only cell", b.panel(), "cp-1", "All its ports are free.")
			}

			// On a phone the page does not become wider than its screen.
			b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
			if width := js[int](b, `document.documentElement.scrollWidth`); width > 390 {
				t.Errorf("the page is %d pixels wide on a phone of 390", width)
			}
			b.click(0, tt.hosts-1)
			wantAll(t, "a cell on the phone", b.panel(), "cp-1")
			b.shoot(fmt.Sprintf("%s-%d-phone", tt.fault, tt.hosts))
		})
	}
}

// A statement about two groups of hosts marks all their cells.
func TestPageMarksGroups(t *testing.T) {
	w := viewtest.NewNetwork(6)
	viewtest.Faults["halves"](w)
	b := open(t, browser(t), w)
	defer b.close()
	b.press(`document.querySelector('[data-said="0"]')`)
	wantAll(t, "the statement", b.text(".said"), "cp-1, worker-[1-2] <-> worker-[3-5]: 8285/udp filtered")
	if n := strings.Count(js[string](b, `document.getElementById("marked").getAttribute("d")`), "M"); n != 18 {
		t.Errorf("%d cells are marked, want 18", n)
	}
	wantAll(t, "its first cell", b.panel(), "cp-1 → worker-3", "filtered")
}
