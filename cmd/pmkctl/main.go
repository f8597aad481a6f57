// Command pmkctl puts Kubernetes on bare Linux hosts over SSH. It shows what
// would change, tests the network between all hosts, and makes exactly these
// changes.
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
	"github.com/pmkctl/pmkctl/run"
)

// version is set by the build.
var version = "dev"

// now is the clock of the command, for policies and the date of plans. Only
// tests replace it.
var now = time.Now

func main() {
	agent.Version = version
	// Agent and command run for seconds with little memory. Frequent garbage
	// collection costs more than it frees, above all on the hosts.
	debug.SetGCPercent(400)
	// The agent is this program on a host. It starts before anything else,
	// because every run waits for it.
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		os.Exit(agent.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout))
	}
	signal.Ignore(syscall.SIGPIPE) // it would kill a run in the middle of changes
	os.Exit(execute(os.Args[1:], streams{os.Stdin, readBy(os.Stdout), readBy(os.Stderr)}))
}

// execute runs one command line and returns its exit code.
func execute(args []string, s streams) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a := newApp(args, s)
	restore := a.watchSignals(cancel)
	root := a.command()
	root.SetArgs(a.args)
	cmd, err := root.ExecuteContextC(ctx)
	restore()                 // only output remains: an interrupt ends it at once
	if !a.console.Streams() { // the command line is wrong, so events have not begun
		err = errors.Join(err, a.beginEvents(cmd.Name()))
	}
	code := a.exitCode(err)
	return a.endEvents(code, a.ending(code, err))
}

// watchSignals handles interrupts. During changes, the first one lets no
// further step begin, and the second one cancels the running steps. At other
// times the first one cancels everything.
func (a *app) watchSignals(cancel context.CancelFunc) (restore func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
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
		a.console.Note("Interrupted: finishing the steps under way; once more to cut them off.")
		close(a.stop)
		if _, ok := <-signals; ok {
			cancel()
		}
	}()
	return func() { signal.Stop(signals); close(signals) }
}

// Exit codes; README lists them for users.
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

// exits are the exit codes of the outcomes of a run.
var exits = map[run.Outcome]int{
	run.SpecInvalid:     exitSpec,
	run.ChangesPending:  exitChanges,
	run.PreflightFailed: exitPreflight,
	run.Incomplete:      exitIncomplete,
	run.Unreachable:     exitUnreachable,
	run.Refused:         exitRefused,
}

// exitCode returns the exit code of a command that ended with err.
func (a *app) exitCode(err error) int {
	var e *run.Error
	switch {
	case a.interrupted.Load():
		return exitInterrupted
	case err == nil:
		return exitDone
	case errors.As(err, &e):
		if code, known := exits[e.Outcome]; known {
			return code
		}
	case errors.Is(err, host.ErrLost):
		return exitUnreachable
	}
	return exitFailed
}

// ending prints the error that a command ended with, unless it was shown
// before, and returns the message for the last event.
func (a *app) ending(code int, err error) string {
	var e *run.Error
	switch {
	case code == exitInterrupted:
		return "interrupted"
	case err == nil:
		return ""
	case errors.As(err, &e):
		err = e
	}
	if e == nil || e.Err != nil {
		fmt.Fprintf(a.console.Err, "pmkctl: %v\n", err)
	}
	return err.Error()
}
