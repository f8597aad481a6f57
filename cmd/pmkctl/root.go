package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/run"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/terminal"
)

// app is one execution of the command.
type app struct {
	console     terminal.Console
	flags       flags
	args        []string      // the command line, with flags in the form that cobra reads
	stderr      io.Writer     // used even if the console discards its output
	outlets     []*outlet     // for events
	stop        chan struct{} // closed by the first interrupt
	interrupted atomic.Bool
	graceful    atomic.Bool // changes are being made: an interrupt waits for the running steps
}

// flags are the flags that several commands share.
type flags struct {
	log            string
	vars, varFiles []string
	exclude        []string
	selection      plan.Selection
	selects        bool   // the command has the flags of selection
	json           bool   // standard output has only events
	events         string // file
	input          bool   // a human may be asked
}

func newApp(args []string, s streams) *app {
	return &app{console: terminal.Console{In: s.in, Out: s.out, Err: s.err, Automated: os.Getenv("PMK_IN_AUTOMATION") != ""},
		args: longFlags(args), stderr: s.err, stop: make(chan struct{})}
}

// options returns the options of a run on a spec.
func (a *app) options(args []string) run.Options {
	o := run.Options{Console: &a.console, Version: version, Now: now, Log: a.flags.log, Path: specPath(args),
		Inputs: a.inputs(), Exclude: a.flags.exclude}
	if a.flags.selects {
		o.Selection = &a.flags.selection
	}
	return o
}

func (a *app) inputs() spec.Options {
	return spec.Options{Vars: a.flags.vars, VarFiles: a.flags.varFiles, Env: os.Environ()}
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "pmkctl",
		Short:         "Put Kubernetes on your own machines, with a plan that you can review",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cobra.EnableCommandSorting = false // they are in the order in which they are used
	root.SetFlagErrorFunc(flagError)
	root.SetIn(a.console.In)
	root.SetOut(a.console.Out)
	root.SetErr(a.console.Err)
	root.PersistentFlags().BoolVar(&a.console.NoColor, "no-color", false, "do not colour the output (also: NO_COLOR)")
	root.PersistentFlags().BoolVar(&a.console.Quiet, "quiet", false, "show no progress")
	root.PersistentFlags().StringVar(&a.flags.log, "log", "", "append every call to a host's agent to this `FILE`")
	root.AddCommand(a.initCommand(), a.fmtCommand(), a.validateCommand(), a.preflightCommand(), a.explainCommand(),
		a.planCommand(), a.applyCommand(), a.destroyCommand(), a.showCommand(), a.graphCommand(), a.kubeconfigCommand(), a.sshCommand(), a.versionCommand())
	return root
}

// specFlags adds the flags of commands that read a spec.
func (a *app) specFlags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringArrayVar(&a.flags.vars, "var", nil, "set a variable: `NAME=VALUE`; may be repeated")
	cmd.Flags().StringArrayVar(&a.flags.varFiles, "var-file", nil, "read variables from `FILE`; may be repeated")
	return cmd
}

// hostFlags adds the flags of commands that connect to hosts.
func (a *app) hostFlags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&a.flags.input, "input", true, "ask where approval is needed; with -input=false never, and end with an error instead")
	cmd.Flags().StringArrayVar(&a.flags.exclude, "exclude", nil, "leave `HOST` out; may be repeated")
	return a.specFlags(cmd)
}

// longFlags adds a second dash to long flags with one, as users of Terraform
// type them. cobra would read -out as -o -u -t.
func longFlags(args []string) []string {
	out := make([]string, 0, len(args))
	for i, arg := range args {
		if arg == "--" {
			return append(out, args[i:]...)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && len(name) > 1 && !strings.HasPrefix(name, "-") {
			arg = "-" + arg
		}
		out = append(out, arg)
	}
	return out
}

// flagError adds to the error of an unknown flag the flag that may have been
// meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return err
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	near := plan.Near(unknown.GetSpecifiedName(), known)
	if len(near) == 0 {
		return fmt.Errorf("%w; %s -h lists the flags", err, cmd.CommandPath())
	}
	return fmt.Errorf("%w; did you mean -%s?", err, strings.Join(near, " or -"))
}

// fullFlag adds the flag of commands that show a plan.
func (a *app) fullFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.console.Full, "full", false, "show all of a long plan, with the contents of new files")
}
