package oshost

import (
	"bufio"
	"context"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

const (
	provenanceLimit = 3 * time.Second
	maxItems        = 200 // in one call; further items have no traces
	maxTraces       = 5   // for one item
	maxWhat         = 300 // bytes of a trace's What
	journalLines    = 1500
	logTail         = 256 << 10 // bytes read from the end of a log
)

// before is how long before a change a line may be to explain it, unless it
// names the item.
var before = map[string]time.Duration{
	sudo: 15 * time.Minute, sshd: time.Hour, apt: 10 * time.Minute, dpkg: 10 * time.Minute, dnf: 10 * time.Minute}

// slack is how much the clocks of logs and of file systems may differ.
const slack = 2 * time.Second

// Provenance returns what file system, package manager and journal know of
// changes.
func (h *Host) Provenance(ctx context.Context, items []string) ([]host.Provenance, error) {
	within, cancel := context.WithTimeout(ctx, provenanceLimit)
	defer cancel()
	list := make([]host.Provenance, len(items))
	for i, item := range items {
		list[i] = h.changed(within, item)
	}
	h.packages(within, list)
	traces := append(packageTraces("/"), h.journalTraces(within, list)...)
	for i := range list[:min(len(list), maxItems)] {
		list[i].Traces = explaining(list[i], traces)
	}
	return list, ctx.Err()
}

// changed returns what the file system or systemd knows of one item.
func (h *Host) changed(ctx context.Context, item string) host.Provenance {
	p := host.Provenance{Item: item}
	if !path.IsAbs(item) {
		if validUnit(item) {
			p.Changed = h.unitChanged(ctx, item)
		}
		return p
	}
	var st unix.Stat_t
	for at := item; ; at = path.Dir(at) {
		err := unix.Lstat(at, &st)
		if err == nil && at == item {
			passwd, _ := h.names.tables()
			p.Owner = passwd.name(st.Uid)
		}
		if err == nil || at == "/" {
			break
		}
	}
	p.Changed = time.Unix(st.Ctim.Unix()).UTC() // of a directory: when an entry was added or removed
	return p
}

func (h *Host) unitChanged(ctx context.Context, name string) time.Time {
	conn, err := h.bus.get()
	if err != nil {
		return time.Time{}
	}
	props, err := conn.GetUnitPropertiesContext(ctx, name)
	if us, _ := props["StateChangeTimestamp"].(uint64); err == nil && us > 0 {
		return time.UnixMicro(int64(us)).UTC()
	}
	return time.Time{}
}

// packages finds the packages that paths belong to, in dpkg's lists or with
// rpm.
func (h *Host) packages(ctx context.Context, list []host.Provenance) {
	wanted := map[string][]int{}
	for i, p := range list {
		if path.IsAbs(p.Item) {
			wanted[p.Item] = append(wanted[p.Item], i)
		}
	}
	if len(wanted) == 0 {
		return
	}
	lists, _ := filepath.Glob("/var/lib/dpkg/info/*.list") // the pattern is valid
	for owned, name := range owners(ctx, lists, wanted) {
		for _, i := range wanted[owned] {
			list[i].Package = name
		}
	}
	if len(lists) > 0 || program("rpm") == "" {
		return
	}
	for _, p := range sorted(wanted) {
		out, err := h.run(ctx, []string{"rpm", "-qf", "--queryformat", `%{NAME}\n`, "--", p}, nil)
		name, _, _ := strings.Cut(string(out), "\n")
		for _, i := range wanted[p] {
			if err == nil {
				list[i].Package = name
			}
		}
	}
}

// owners searches the lists of packages for paths.
func owners[V any](ctx context.Context, lists []string, wanted map[string]V) map[string]string {
	found := map[string]string{}
	for _, name := range lists {
		if ctx.Err() != nil {
			break
		}
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		pkg, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(name), ".list"), ":")
		for s := bufio.NewScanner(f); s.Scan(); {
			if _, ok := wanted[s.Text()]; ok {
				found[s.Text()] = pkg
			}
		}
		f.Close()
	}
	return found
}

// packageTraces reads the package managers' logs below root.
func packageTraces(root string) []host.Trace {
	var all []host.Trace
	for _, log := range []struct {
		name  string
		parse func(text string, local *time.Location) []host.Trace
	}{
		{"var/log/apt/history.log", parseApt}, {"var/log/dpkg.log", parseDpkg}, {"var/log/dnf.rpm.log", parseDnf}} {
		all = append(all, log.parse(readTail(filepath.Join(root, log.name)), time.Local)...)
	}
	return all
}

// readTail returns the end of a log; "" if it cannot be read.
func readTail(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return ""
	} else if st.Size() > logTail {
		if _, err := f.Seek(-logTail, io.SeekEnd); err != nil {
			return ""
		}
	}
	b, _ := io.ReadAll(io.LimitReader(f, logTail)) // a part is enough
	return string(b)
}

// journalTraces returns what sudo and sshd logged since a day before the
// first change.
func (h *Host) journalTraces(ctx context.Context, list []host.Provenance) []host.Trace {
	since := time.Now()
	for _, p := range list {
		if !p.Changed.IsZero() && p.Changed.Before(since) {
			since = p.Changed
		}
	}
	out, err := h.run(ctx, []string{"journalctl", "-q", "--no-pager", "-o", "json", "--output-fields=MESSAGE,_COMM",
		"--since=@" + strconv.FormatInt(since.Add(-24*time.Hour).Unix(), 10), "-n", strconv.Itoa(journalLines),
		"_COMM=sudo", "+", "_COMM=sshd", "+", "_COMM=sshd-session"}, nil)
	if err != nil {
		return nil
	}
	return parseJournal(out)
}

// explaining returns the lines that may explain a change: those that name the
// item, and the nearest ones before it.
func explaining(p host.Provenance, traces []host.Trace) []host.Trace {
	var fit []host.Trace
	for _, t := range traces {
		t.Names = isAbout(t, p)
		late := t.Time.After(p.Changed)
		early := t.Time.Before(p.Changed.Add(-before[t.Source] - slack))
		switch {
		case t.Names && (p.Changed.IsZero() || !t.Time.After(p.Changed.Add(slack))):
		case t.Names || p.Changed.IsZero() || late || early:
			continue
		}
		t.What, _, _ = strings.Cut(t.What, "\n")
		if t.Source == sudo && !t.Names {
			t.What, _, _ = strings.Cut(t.What, " ")
		}
		if len(t.What) > maxWhat {
			t.What = strings.ToValidUTF8(t.What[:maxWhat], "") + "..."
		}
		fit = append(fit, t)
	}
	slices.SortStableFunc(fit, func(a, b host.Trace) int { return a.Time.Compare(b.Time) })
	fit = lastOfEach(fit)
	for len(fit) > maxTraces {
		i := leastTelling(fit)
		fit = slices.Delete(fit, i, i+1)
	}
	return fit
}

// lastOfEach keeps the last of equal lines, because most logins are pmkctl's
// own.
func lastOfEach(fit []host.Trace) []host.Trace {
	var out []host.Trace
	for i, t := range fit {
		if !slices.ContainsFunc(fit[i+1:], func(o host.Trace) bool { return o.Source == t.Source && o.Who == t.Who && o.What == t.What }) {
			out = append(out, t)
		}
	}
	return out
}

// leastTelling returns the line that explains least: the oldest of a package,
// or else the oldest that does not name the item.
func leastTelling(fit []host.Trace) int {
	if i := slices.IndexFunc(fit, func(t host.Trace) bool { return !t.Names && (t.Source == dpkg || t.Source == dnf) }); i >= 0 {
		return i
	}
	return max(0, slices.IndexFunc(fit, func(t host.Trace) bool { return !t.Names }))
}
