package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

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
		if err := a.diagnose(nil, diags); err != nil {
			return err
		}
		if bytes.Equal(src, formatted) {
			continue
		}
		differ = true
		fmt.Fprintln(a.out, name)
		if check {
			continue
		}
		if err := replaceFile(name, formatted, 0); err != nil {
			return err
		}
	}
	if differ && check {
		return &exitError{Code: exitSpec}
	}
	return nil
}

// replaceFile writes a file in one step. mode 0 keeps that of the file there.
func replaceFile(name string, content []byte, mode os.FileMode) error {
	if mode == 0 {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
