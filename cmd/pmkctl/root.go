package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/view"
)

// app is one run of the command.
type app struct {
	streams
	flags       flags
	args        []string // the command line, with flags as cobra reads them
	stderr      io.Writer
	outlets     []*outlet // that events are written to
	stream      atomic.Pointer[view.Stream]
	stop        chan struct{} // closed by the first interrupt
	interrupted atomic.Bool
	graceful    atomic.Bool // changes are being made: an interrupt waits for them
}

// flags are those that several commands share.
type flags struct {
	noColor, quiet bool
	full           bool // long plans are not folded
	log            string
	vars, varFiles []string
	exclude        []string
	selection      plan.Selection
	selects        bool   // the command knows the flags of selection
	json           bool   // standard output has events, and nothing else
	events         string // file
	input          bool   // a human may be asked
	destroy        bool   // everything goes
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "pmkctl",
		Short:         "Put Kubernetes on your own machines, with a plan that you can review",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cobra.EnableCommandSorting = false // they are in the order of use
	root.SetFlagErrorFunc(flagError)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.PersistentFlags().BoolVar(&a.flags.noColor, "no-color", false, "do not colour the output (also: NO_COLOR)")
	root.PersistentFlags().BoolVar(&a.flags.quiet, "quiet", false, "show no progress")
	root.PersistentFlags().StringVar(&a.flags.log, "log", "", "append every call to a host's agent to this `FILE`")
	root.AddCommand(a.initCommand(), a.fmtCommand(), a.validateCommand(), a.preflightCommand(), a.explainCommand(),
		a.planCommand(), a.applyCommand(), a.destroyCommand(), a.showCommand(), a.graphCommand(), a.kubeconfigCommand(), a.sshCommand(), a.versionCommand())
	return root
}

// specFlags are the flags of commands that read a spec.
func (a *app) specFlags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringArrayVar(&a.flags.vars, "var", nil, "set a variable: `NAME=VALUE`; may be repeated")
	cmd.Flags().StringArrayVar(&a.flags.varFiles, "var-file", nil, "read variables from `FILE`; may be repeated")
	return cmd
}

// hostFlags are the flags of commands that talk to hosts.
func (a *app) hostFlags(cmd *cobra.Command) *cobra.Command {
	a.inputFlag(cmd)
	cmd.Flags().StringArrayVar(&a.flags.exclude, "exclude", nil, "leave `HOST` out; may be repeated")
	return a.specFlags(cmd)
}

// longFlags lets flags be typed with one dash, as Terraform's users do.
// cobra would read -out as -o -u -t.
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

// flagError says of a flag that is not there which one may have been meant.
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

// style is how output to w is coloured.
func (a *app) style(w io.Writer) view.Style {
	st := view.NewStyle(!a.flags.noColor && os.Getenv("NO_COLOR") == "" && isTerminal(w))
	if a.flags.full {
		return st.Full()
	}
	return st
}

// fullFlag is for commands that show a plan.
func (a *app) fullFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.flags.full, "full", false, "show all of a long plan, with the contents of new files")
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}

// width is that of the terminal behind w; 0 if there is none.
func width(w io.Writer) int {
	if !isTerminal(w) {
		return 0
	}
	columns, _, err := term.GetSize(int(w.(*os.File).Fd()))
	if err != nil || columns < 20 {
		return 80
	}
	return columns
}

// note tells the operator something beside the result.
func (a *app) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintln(a.err, text)
	a.emit(event.Message{Text: text})
}

// specPath is the argument, or the working directory.
func specPath(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}
