package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// docker runs the Docker client and returns its standard output without the
// last line break. An error contains its standard error.
func docker(ctx context.Context, args ...string) (string, error) {
	return dockerIn(ctx, nil, args...)
}

// dockerIn is like docker, with stdin as standard input.
func dockerIn(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	out, err := command(ctx, stdin, "docker", args...)
	return strings.TrimSuffix(out, "\n"), err
}

// command runs a program and returns its standard output. An error contains its
// standard error.
func command(ctx context.Context, stdin io.Reader, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", name, strings.Join(args[:min(len(args), 3)], " "), err, lastLines(stderr.String(), 5))
	}
	return stdout.String(), err
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
