package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Down removes everything that Up made, even if Up ran in another clone of the
// repository: hosts, network, volumes, images, the engine if Up started it, and
// the files in the repository at root that describe them. The cache stays. It
// may be repeated.
func Down(ctx context.Context, root string, out io.Writer) (err error) {
	lock, err := lockMachine(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	m, err := loadMachine()
	if err != nil {
		return err
	}
	if engineAnswers(ctx) {
		if err := removeAll(ctx, out); err != nil {
			return err
		}
	}
	return errors.Join(restoreLimits(m), stopEngine(ctx, m, out), removeFiles(root))
}

// removeAll deletes everything of the lab in Docker.
func removeAll(ctx context.Context, out io.Writer) error {
	all, err := containers(ctx)
	if err != nil {
		return err
	}
	if len(all) > 0 {
		fmt.Fprintf(out, "lab: removing %d hosts\n", len(all))
	}
	if err := remove(ctx, all); err != nil {
		return err
	}
	for _, kind := range []string{"network", "image"} {
		ids, err := docker(ctx, kind, "ls", "--quiet", "--filter", "label="+label)
		if err != nil {
			return err
		}
		if ids == "" {
			continue
		}
		if _, err := docker(ctx, append([]string{kind, "rm"}, strings.Fields(ids)...)...); err != nil {
			return err
		}
	}
	return nil
}

func removeFiles(root string) error {
	return errors.Join(
		os.RemoveAll(filepath.Join(root, ".lab")),
		os.RemoveAll(filepath.Join(root, HostsFile)),
		os.RemoveAll(filepath.Join(root, VarsFile)),
		os.RemoveAll(filepath.Join(root, "examples", "lab", "components.json")),
	)
}
