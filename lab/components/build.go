package components

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// build builds the recipe's programs from Go modules into the folder dst.
func (r recipe) build(ctx context.Context, root, dst string) error {
	ldflags := strings.TrimSpace("-s -w " + r.fill(r.ldflags, ""))
	tags := r.tags
	if r.cgo {
		ldflags += " -extldflags -static"
		tags = strings.TrimPrefix(tags+",netgo,osusergo", ",")
	}
	for _, batch := range r.batches() {
		args := []string{"build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-tags", tags, "-ldflags", ldflags, "-o", dst + batch.out}
		cmd := exec.CommandContext(ctx, "go", append(args, batch.pkgs...)...)
		cmd.Dir = r.folder(root)
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED="+zeroOrOne(r.cgo), "GOOS=linux", "GOARCH="+arch)
		if err := run(cmd); err != nil {
			return fmt.Errorf("build %s %s: %w", r.name, r.version, err)
		}
	}
	return nil
}

// A batch is one call of go build.
type batch struct {
	out  string // path in the folder: / or /FILE
	pkgs []string
}

// batches puts all programs into one call, which compiles shared packages once.
// A program whose package has another name needs a call of its own.
func (r recipe) batches() []batch {
	shared := batch{out: "/"}
	var all []batch
	for _, p := range r.programs {
		if strings.HasSuffix(p.pkg, "/"+p.name) {
			shared.pkgs = append(shared.pkgs, p.pkg)
		} else {
			all = append(all, batch{out: "/" + p.name, pkgs: []string{p.pkg}})
		}
	}
	if len(shared.pkgs) > 0 {
		all = append(all, shared)
	}
	return all
}

// run runs cmd. If it fails, the error contains the end of its output.
func run(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) > 20 {
		lines = lines[len(lines)-20:]
	}
	return fmt.Errorf("%w\n%s", err, strings.Join(lines, "\n"))
}

func zeroOrOne(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
