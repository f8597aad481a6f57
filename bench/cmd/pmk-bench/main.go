// Command pmk-bench prints how fast pmkctl is on three hosts of the lab, which
// it recreates. Its argument is the pmkctl to measure.
//
//	pmk-bench [-firsts 3] [-plans 9] PMKCTL
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
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
		fmt.Fprintln(os.Stderr, "pmk-bench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("pmk-bench", flag.ContinueOnError)
	firsts := flags.Int("firsts", 3, "first applies; 0 measures the cluster that is there")
	plans := flags.Int("plans", 9, "plans and logins, alternating")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("usage: pmk-bench [-firsts 3] [-plans 9] PMKCTL")
	}
	pmkctl, err := filepath.Abs(flags.Arg(0))
	if err != nil {
		return err
	}
	root, err := lab.FindRoot(".")
	if err != nil {
		return err
	}
	cache, err := components.DefaultDir()
	if err != nil {
		return err
	}
	release, err := lab.Reserve(ctx, os.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	var ready, applies []time.Duration
	for i := range *firsts {
		l, err := renewed(ctx, root, cache)
		if err != nil {
			return err
		}
		f, err := bench.BareToReady(ctx, l, pmkctl)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "bench: first apply %d of %d: the last node was Ready after %.0f s\n", i+1, *firsts, f.Ready.Seconds())
		ready, applies = append(ready, f.Ready), append(applies, f.Apply)
	}
	l, err := lab.Open(root)
	if err != nil {
		return err
	}
	planned, logins, err := bench.NothingToChange(ctx, l, pmkctl, *plans)
	if err != nil {
		return err
	}
	fmt.Printf("3 lab hosts in containers on one machine with %d processors; components on the controller, none on the hosts\n", runtime.NumCPU())
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmedian\tbest\tworst\truns\t")
	row(w, "bare hosts to the third Ready node", ready)
	row(w, "the whole first apply", applies)
	row(w, "plan, nothing to change", planned)
	row(w, "ssh HOST true on all at once (OpenSSH)", logins)
	fmt.Fprintf(w, "plan / ssh\t%.2f\t\t\t\t\n", bench.Median(planned).Seconds()/bench.Median(logins).Seconds())
	return w.Flush()
}

func row(w *tabwriter.Writer, what string, times []time.Duration) {
	if len(times) == 0 {
		return
	}
	best, worst := times[0], times[0]
	for _, t := range times {
		best, worst = min(best, t), max(worst, t)
	}
	fmt.Fprintf(w, "%s\t%.2f s\t%.2f s\t%.2f s\t%d\t\n", what, bench.Median(times).Seconds(), best.Seconds(), worst.Seconds(), len(times))
}

// renewed recreates the lab with three bare hosts.
func renewed(ctx context.Context, root, cache string) (*lab.Lab, error) {
	if err := lab.Renew(ctx, root, cache, 3, os.Stderr); err != nil {
		return nil, err
	}
	return lab.Open(root)
}
