package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/atomicfile"
	"github.com/pmkctl/pmkctl/run"
	"github.com/pmkctl/pmkctl/spec"
)

func (a *app) fmtCommand() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "fmt [SPEC]",
		Short: "Format specs, and print the names of those that changed",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return a.format(specPath(args), check) },
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit 3 if a file is not formatted")
	return cmd
}

func (a *app) format(path string, check bool) error {
	files, err := spec.Files(path)
	if err != nil {
		return err
	}
	differ := false
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		formatted, diags := spec.Format(name, src)
		if err := run.Diagnose(&a.console, nil, diags); err != nil {
			return err
		}
		if bytes.Equal(src, formatted) {
			continue
		}
		differ = true
		fmt.Fprintln(a.console.Out, name)
		if check {
			continue
		}
		if err := atomicfile.Write(name, formatted, 0); err != nil {
			return err
		}
	}
	if differ && check {
		return &run.Error{Outcome: run.SpecInvalid}
	}
	return nil
}
