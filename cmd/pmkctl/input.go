package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
)

func (a *app) inputFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.flags.input, "input", true, "ask where approval is needed; with -input=false never, and end with an error instead")
}

// mayAsk is the error for what cannot be asked, because nobody is there or
// wants to be.
func (a *app) mayAsk() error {
	const instead = "; use -auto-approve, or save the plan (pmkctl plan -out=FILE) and apply that file"
	switch {
	case a.flags.json:
		return errors.New("approval is needed, and with -json nobody is asked" + instead)
	case !a.flags.input:
		return errors.New("approval is needed, and with -input=false nobody is asked" + instead)
	case !isTerminal(a.in):
		return errors.New("approval is needed and there is no terminal to ask on" + instead)
	}
	return nil
}

// automated tells if a pipeline runs the command, and knows what to do next.
func automated() bool { return os.Getenv("PMK_IN_AUTOMATION") != "" }

// hint tells people what command to type next.
func (a *app) hint(format string, args ...any) {
	if !automated() {
		a.note(format, args...)
	}
}
