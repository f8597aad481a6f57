package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/spec"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FOLDER]",
		Short: "Write a commented cluster.hcl to begin with",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return a.init(specPath(args)) },
	}
}

func (a *app) init(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, "cluster.hcl")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; nothing was written", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(spec.Init())
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(a.console.Out, "Wrote %s. Change what is marked CHANGE in it, then: pmkctl plan %s\n", path, dir)
	return nil
}
