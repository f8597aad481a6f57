// Command pmkctl puts Kubernetes on bare Linux hosts over SSH: it shows what
// would change, tests the network between all hosts, and does exactly that.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/pmkctl/pmkctl/agent"
	"github.com/pmkctl/pmkctl/host"
)

// version is set by the build.
var version = "dev"

// now is the command's clock: policies are judged and plans are dated by it.
// Only tests set another one.
var now = time.Now

func main() {
	// Agent and command live for seconds with little memory: collecting it
	// often costs more than it frees, on the hosts above all.
	debug.SetGCPercent(400)
	// The agent is this program on a host: it starts before anything else is
	// looked at, because every run waits for it.
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		os.Exit(agent.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout))
	}
	signal.Ignore(syscall.SIGPIPE) // it would kill a run amid changes
	os.Exit(run(os.Args[1:], streams{os.Stdin, readBy(os.Stdout), readBy(os.Stderr)}))
}

// run runs one command line and returns its exit code.
func run(args []string, s streams) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a := &app{streams: s, stderr: s.err, stop: make(chan struct{}), args: longFlags(args)}
	restore := a.watchSignals(cancel)
	root := a.command()
	root.SetArgs(a.args)
	cmd, err := root.ExecuteContextC(ctx)
	restore()                   // what is left is output: an interrupt ends that at once
	if a.stream.Load() == nil { // not begun: the command line is wrong
		err = errors.Join(err, a.beginEvents(cmd.Name()))
	}
	code, err := a.exitCode(err)
	return a.endEvents(code, ending(code, err))
}

// watchSignals lets the first interrupt begin nothing more, and a second one
// cut off what runs.
func (a *app) watchSignals(cancel context.CancelFunc) (restore func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup does
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		if !a.graceful.Load() {
			a.interrupted.Store(true)
			cancel()
			return
		}
		a.interrupted.Store(true)
		a.note("Interrupted: finishing the steps under way; once more to cut them off.")
		close(a.stop)
		if _, ok := <-signals; ok {
			cancel()
		}
	}()
	return func() { signal.Stop(signals); close(signals) }
}

// Exit codes; the README lists them for users.
const (
	exitDone        = 0
	exitFailed      = 1
	exitChanges     = 2
	exitSpec        = 3
	exitPreflight   = 4
	exitIncomplete  = 5
	exitUnreachable = 6
	exitRefused     = 7
	exitInterrupted = 130
)

// An exitError ends the command with a code of its own. A nil Err was told
// to the user already.
type exitError struct {
	Code int
	Err  error
}

func (e *exitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Code)
	}
	return e.Err.Error()
}

func (e *exitError) Unwrap() error { return e.Err }

// exitCode tells the user about err, if that was not done, and gives its
// code, and what was told.
func (a *app) exitCode(err error) (int, error) {
	var e *exitError
	switch {
	case a.interrupted.Load():
		return exitInterrupted, nil
	case err == nil:
		return exitDone, nil
	case errors.As(err, &e):
	case errors.Is(err, host.ErrLost):
		e = &exitError{exitUnreachable, err}
	default:
		e = &exitError{exitFailed, err}
	}
	if e.Err != nil {
		fmt.Fprintf(a.err, "pmkctl: %v\n", e.Err)
	}
	return e.Code, e.Err
}
