package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const engineWithin = 60 * time.Second

func engineAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := docker(ctx, "version", "--format", "{{.Server.Version}}")
	return err == nil
}

// ensureEngine starts dockerd unless a Docker engine answers, and notes in m
// that it did.
func ensureEngine(ctx context.Context, m *machine, out io.Writer) error {
	if engineAnswers(ctx) {
		return nil
	}
	fmt.Fprintln(out, "lab: starting dockerd")
	if err := m.noteFirewall(ctx); err != nil {
		return err
	}
	log := filepath.Join(machineDir, "dockerd.log")
	pid, err := startDaemon(log, "dockerd")
	if err != nil {
		return err
	}
	start, err := startTime(pid)
	if err != nil {
		return fmt.Errorf("start dockerd: it left at once, see %s: %w", log, err)
	}
	m.Engine = &process{Pid: pid, Start: start}
	if err := m.save(); err != nil {
		return err
	}
	err = WaitFor(ctx, engineWithin, "dockerd answers", func(ctx context.Context) error {
		if !engineAnswers(ctx) {
			return errors.New("no answer")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("start dockerd, see %s: %w", log, err)
	}
	return nil
}

// startDaemon starts a program that goes on after this one has ended. It has
// its own session, so that signals of the terminal do not reach it.
func startDaemon(log, name string, args ...string) (pid int, err error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _ = cmd.Wait() }() // it would become a zombie if it fails
	return cmd.Process.Pid, nil
}

// stopEngine ends the dockerd that ensureEngine started. It never ends another
// one.
func stopEngine(ctx context.Context, m *machine, out io.Writer) error {
	if m.Engine == nil {
		return nil
	}
	if m.Engine.runs() {
		fmt.Fprintln(out, "lab: stopping dockerd")
		if err := syscall.Kill(m.Engine.Pid, syscall.SIGTERM); err != nil {
			return fmt.Errorf("stop dockerd: %w", err)
		}
		err := WaitFor(ctx, engineWithin, "dockerd ends", func(context.Context) error {
			if m.Engine.runs() {
				return errors.New("it still runs")
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := m.restoreFirewall(ctx); err != nil {
		return err
	}
	m.Engine = nil
	return m.save()
}
