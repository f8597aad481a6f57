package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan/saved"
)

// checkOut refuses, before any host is asked, a name for a plan that would
// destroy something or be taken for a spec.
func checkOut(name string) error {
	if strings.HasSuffix(name, ".hcl") {
		return fmt.Errorf("-out=%s: a file *.hcl is read as part of a spec; give the plan another name, such as cluster.plan", name)
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return fmt.Errorf("-out=%s: there is no folder %s", name, filepath.Dir(name))
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Size() > 0 && !beginsAsPlan(name):
		return fmt.Errorf("-out=%s: it is there, and no saved plan; remove it first, or give another name", name)
	}
	return nil
}

// beginsAsPlan tells if a file's first bytes are those of a saved plan.
func beginsAsPlan(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	first := make([]byte, 64)
	n, _ := io.ReadFull(f, first) // a short file has few
	return saved.Begins(first[:n])
}

// save writes what was checked and shown to a file, and tells its digest.
func (w *work) save(ctx context.Context, name string, checked *executor.Checked) error {
	p, err := w.toSave(ctx, checked)
	if err != nil {
		return err
	}
	file, err := p.Encode()
	if err != nil {
		return err
	}
	if err := replaceFile(name, file, 0o600); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	id := saved.ID(file)
	w.emit(event.Saved{File: name, SHA256: id})
	fmt.Fprintf(w.out, "Saved to %s, sha256 %s\n", name, id)
	w.hint("To do exactly this: pmkctl apply -sha256=%s %s", id, name)
	return nil
}

func (w *work) toSave(ctx context.Context, checked *executor.Checked) (*saved.Plan, error) {
	build, err := thisBuild()
	if err != nil {
		return nil, err
	}
	hosts, err := w.answered(ctx)
	if err != nil {
		return nil, err
	}
	at, err := filepath.Abs(w.path)
	if err != nil {
		return nil, err
	}
	p := &saved.Plan{
		Made: now().UTC().Truncate(time.Second), Who: who(), Pmkctl: build, Spec: saved.Place{Given: w.path, Absolute: at},
		Cluster: w.cluster, Destroy: w.destroy, Hosts: hosts, Left: w.left(), Steps: checked.Steps(), Report: w.compiled.Report(), Policies: w.verdicts}
	p.Hide()
	return p, nil
}

// answered is who the connected hosts are, in the order of the spec. It
// costs no round trip.
func (w *work) answered(ctx context.Context) ([]saved.Host, error) {
	var list []saved.Host
	for _, h := range w.cluster.Everyone() {
		s, ok := w.conn.sessions[h.Name]
		if !ok {
			continue
		}
		f, err := s.Facts(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, err)
		}
		host := saved.Host{Name: h.Name, HostKey: s.Identity().HostKey, MachineID: f.MachineID, BootID: f.BootID, OS: f.OS, Kernel: f.Kernel, Arch: f.Arch}
		if r := w.records[h.Name]; r != nil {
			host.Record = r.Cluster
		}
		list = append(list, host)
	}
	return list, nil
}

// thisBuild is the pmkctl that runs.
func thisBuild() (saved.Build, error) {
	name, err := os.Executable()
	if err != nil {
		return saved.Build{}, fmt.Errorf("find this program's file: %w", err)
	}
	f, err := os.Open(name)
	if err != nil {
		return saved.Build{}, fmt.Errorf("find this program's file: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return saved.Build{}, fmt.Errorf("read this program's file: %w", err)
	}
	return saved.Build{Version: version, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
