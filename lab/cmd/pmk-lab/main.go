// Command pmk-lab makes the lab of package lab, and gets the components of
// package components.
//
//	pmk-lab setup                install what the machine lacks
//	pmk-lab components           get components and images into the cache
//	pmk-lab up [-hosts N] [-new] have N hosts; -new makes all of them anew, bare
//	pmk-lab down                 remove all that up made
//	pmk-lab stop|kill|start|restart|cut|join NAME
//	pmk-lab check                show that a cluster on the lab works
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/pmkctl/pmkctl/lab"
	"github.com/pmkctl/pmkctl/lab/check"
	"github.com/pmkctl/pmkctl/lab/components"
)

const usage = "usage: pmk-lab setup | components | up [-hosts N] [-new] | down | stop|kill|start|restart|cut|join NAME | check"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pmk-lab:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	root, err := lab.FindRoot(".")
	if err != nil {
		return err
	}
	switch args[0] {
	case "setup":
		return lab.Setup(ctx, os.Stderr)
	case "components":
		return getComponents(ctx, root)
	case "up":
		return up(ctx, root, args[1:])
	case "down":
		return lab.Down(ctx, root, os.Stderr)
	case "check":
		return checkCluster(ctx, root)
	}
	return onHost(ctx, root, args)
}

func getComponents(ctx context.Context, root string) error {
	cache, err := components.DefaultDir()
	if err != nil {
		return err
	}
	set, err := components.Get(ctx, root, cache, os.Stderr)
	if err != nil {
		return err
	}
	return set.Publish(root)
}

// up also publishes the components if they are in the cache, because down
// removed that file.
func up(ctx context.Context, root string, args []string) error {
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	hosts := flags.Int("hosts", 3, "number of hosts")
	anew := flags.Bool("new", false, "remove the hosts that are there first")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cache, err := components.DefaultDir()
	if err != nil {
		return err
	}
	bring := lab.Up
	if *anew {
		bring = lab.Renew
	}
	if err := bring(ctx, root, cache, *hosts, os.Stderr); err != nil {
		return err
	}
	set, err := components.Cached(root, cache)
	if errors.Is(err, components.ErrNotCached) {
		return nil
	}
	if err != nil {
		return err
	}
	return set.Publish(root)
}

// checkCluster checks the cluster of .lab/kubeconfig.
func checkCluster(ctx context.Context, root string) error {
	l, err := lab.Open(root)
	if err != nil {
		return err
	}
	k := check.Kubectl{
		Program:    filepath.Join(root, lab.KubectlFile),
		Kubeconfig: filepath.Join(root, lab.KubeconfigFile),
	}
	return check.Cluster(ctx, k, l.Hosts(), os.Stdout)
}

func onHost(ctx context.Context, root string, args []string) error {
	do, ok := map[string]func(lab.Host, context.Context) error{
		"stop":    lab.Host.Stop,
		"kill":    lab.Host.Kill,
		"start":   lab.Host.Start,
		"restart": lab.Host.Restart,
		"cut":     lab.Host.Cut,
		"join":    lab.Host.Join,
	}[args[0]]
	if !ok || len(args) != 2 {
		return errors.New(usage)
	}
	l, err := lab.Open(root)
	if err != nil {
		return err
	}
	h, err := l.Host(args[1])
	if err != nil {
		return err
	}
	return do(h, ctx)
}
