// Command preflight prints how long `pmkctl preflight` takes on hosts of the
// lab, and how long a human would need to try the same edges one by one, as
// with nc over OpenSSH. It recreates the hosts of the lab. Its argument is the
// pmkctl to measure.
//
//	go run ./bench/preflight [-hosts 3,10,40] [-runs 5] [-serial 60] PMKCTL
//	go run ./bench/preflight -alarms 100 [-hosts 10] PMKCTL
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pmkctl/pmkctl/bench"
	"github.com/pmkctl/pmkctl/lab"
	"github.com/pmkctl/pmkctl/lab/components"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "preflight:", err)
		os.Exit(1)
	}
}

// A bencher measures on one lab.
type bencher struct {
	*lab.Lab
	options
	spec string
}

// options are the flags and the argument.
type options struct {
	pmkctl string
	hosts  []int
	runs   int
	serial int // edges that are tried one by one
	alarms int // runs that look for false alarms
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("preflight", flag.ContinueOnError)
	hosts := flags.String("hosts", "3,10,40", "how many hosts, one row each")
	flags.IntVar(&o.runs, "runs", 5, "preflights of each kind")
	flags.IntVar(&o.serial, "serial", 60, "edges to try one by one; the time for all is reckoned from them")
	flags.IntVar(&o.alarms, "alarms", 0, "look for false alarms instead: so many runs while the processors are busy")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.runs < 1 || o.serial < 1 {
		return o, errors.New("-runs and -serial take a number from 1 on")
	}
	if flags.NArg() != 1 {
		return o, errors.New("usage: preflight [-hosts 3,10,40] [-runs 5] [-serial 60] [-alarms 100] PMKCTL")
	}
	for _, text := range strings.Split(*hosts, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return o, err
		}
		o.hosts = append(o.hosts, n)
	}
	o.pmkctl, err = filepath.Abs(flags.Arg(0))
	return o, err
}

func measure(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	if o.alarms == 0 {
		fmt.Printf("Lab hosts in containers on one machine with %d processors, the agent already there, connecting included.\n", runtime.NumCPU())
		fmt.Fprintf(table, "hosts\tedges\tmedian of %d\tworst\t5 %% of pairs filtered\tworst\tone by one over ssh\t\n", o.runs)
	}
	release, err := lab.Reserve(ctx, os.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	for _, n := range o.hosts {
		b, err := newBencher(ctx, n, o)
		switch {
		case err != nil:
			return err
		case o.alarms > 0:
			err = b.searchAlarms(ctx)
		default:
			err = b.row(ctx, table)
		}
		if err != nil {
			return err
		}
	}
	return table.Flush()
}

// newBencher creates n bare hosts and copies the agent to them.
func newBencher(ctx context.Context, n int, o options) (*bencher, error) {
	root, err := lab.FindRoot(".")
	if err != nil {
		return nil, err
	}
	cache, err := components.DefaultDir()
	if err != nil {
		return nil, err
	}
	if err := lab.Renew(ctx, root, cache, n, os.Stderr); err != nil {
		return nil, err
	}
	set, err := components.Get(ctx, root, cache, os.Stderr)
	if err != nil {
		return nil, err
	}
	if err := set.Publish(root); err != nil {
		return nil, err
	}
	l, err := lab.Open(root)
	if err != nil {
		return nil, err
	}
	if err := l.AdmitRoot(ctx); err != nil {
		return nil, err
	}
	spec, err := l.Spec(lab.AsRoot())
	return &bencher{l, o, spec}, err
}

func (b *bencher) row(ctx context.Context, w *tabwriter.Writer) error {
	edges, err := b.edges(ctx) // the first run copies the agent
	if err != nil {
		return err
	}
	well, err := b.times(ctx, b.runs, 0)
	if err != nil {
		return err
	}
	filtered, err := b.filtered(ctx)
	if err != nil {
		return err
	}
	serial, err := b.oneByOne(ctx, edges)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t\n", len(b.Hosts()), len(edges), text(bench.Median(well)), text(worst(well)),
		text(bench.Median(filtered)), text(worst(filtered)), text(serial))
	return nil
}

func text(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func worst(times []time.Duration) (most time.Duration) {
	for _, t := range times {
		most = max(most, t)
	}
	return most
}

// times runs preflight several times. Each run must end with this exit code.
func (b *bencher) times(ctx context.Context, runs, code int) ([]time.Duration, error) {
	var out []time.Duration
	for range runs {
		begin := time.Now()
		said, err := exec.CommandContext(ctx, b.pmkctl, "preflight", "-quiet", b.spec).CombinedOutput()
		if took := time.Since(begin); exitCode(err) == code {
			out = append(out, took)
			continue
		}
		return out, fmt.Errorf("pmkctl preflight: want exit %d: %w\n%s", code, err, said)
	}
	return out, nil
}

func exitCode(err error) int {
	var e *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.ExitCode()
	}
	return -1
}

// An edge is one in the document of pmkctl preflight.
type edge struct {
	From, To string
	Proto    string `json:"protocol"`
	Port     int
}

func (b *bencher) edges(ctx context.Context) ([]edge, error) {
	out, err := exec.CommandContext(ctx, b.pmkctl, "preflight", "-json", "-quiet", b.spec).Output()
	if err != nil {
		return nil, fmt.Errorf("pmkctl preflight -json: %w\n%s", err, out)
	}
	var doc struct{ Edges []edge }
	err = json.Unmarshal(out, &doc)
	return doc.Edges, err
}

// filtered measures preflight while one pair of hosts in twenty is blocked in
// one direction.
func (b *bencher) filtered(ctx context.Context) ([]time.Duration, error) {
	hosts := b.Hosts()
	i := 0
	for _, to := range hosts {
		var rules []string
		for _, from := range hosts {
			if from.Name == to.Name {
				continue
			}
			if i++; i%20 == 1 {
				rules = append(rules, "iptables -A INPUT -s "+from.Address+" -j DROP")
			}
		}
		if len(rules) == 0 {
			continue
		}
		if _, err := to.Exec(ctx, "sh", "-c", strings.Join(rules, " && ")); err != nil {
			return nil, err
		}
	}
	times, err := b.times(ctx, b.runs, 4)
	for _, h := range hosts {
		_, ferr := h.Exec(ctx, "iptables", "-F", "INPUT")
		err = errors.Join(err, ferr)
	}
	return times, err
}
