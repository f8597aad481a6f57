package run

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/pmkctl/pmkctl/atomicfile"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/view/page"
)

// write writes a plan to the files that the options name.
func (o PlanOptions) write(p *saved.Plan) (err error) {
	id := ""
	if o.Out != "" {
		if err := o.save(p); err != nil || o.Page == "" {
			return err
		}
		if p, id, err = ReadPlan(o.Out); err != nil { // the page shows what is in the file
			return err
		}
	}
	return page.WritePlan(o.Page, p, id)
}

// save writes a plan to a file, and shows its digest.
func (o PlanOptions) save(p *saved.Plan) error {
	file, err := p.Encode()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(o.Out, file, 0o600); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	id := saved.ID(file)
	o.Console.Emit(event.Saved{File: o.Out, SHA256: id})
	if err := o.Console.Print("Saved to %s, sha256 %s\n", o.Out, id); err != nil {
		return err
	}
	o.Console.Hint("To do exactly this: pmkctl apply -sha256=%s %s", id, o.Out)
	return nil
}

func (r *Run) toSave(ctx context.Context, checked *executor.Checked) (*saved.Plan, error) {
	build, err := thisBuild(r.Version)
	if err != nil {
		return nil, err
	}
	hosts, err := r.answered(ctx)
	if err != nil {
		return nil, err
	}
	at, err := filepath.Abs(r.Path)
	if err != nil {
		return nil, err
	}
	p := &saved.Plan{
		Made: r.Now().UTC().Truncate(time.Second), Who: operator(), Pmkctl: build, Spec: saved.SpecPath{Given: r.Path, Absolute: at},
		Cluster: r.cluster, Destroy: r.goal.destroys(), Hosts: hosts, Absent: r.absent(), Steps: checked.Steps(), Report: r.compiled.Report(), Policies: r.verdicts}
	p.Hide()
	return p, nil
}

// answered returns the identities of the connected hosts, in the order of the
// spec. The agents sent them at the start: this costs no round trip.
func (r *Run) answered(ctx context.Context) ([]saved.Host, error) {
	var list []saved.Host
	for _, h := range r.cluster.AllHosts() {
		s, ok := r.conn.sessions[h.Name]
		if !ok {
			continue
		}
		f, err := s.Facts(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, err)
		}
		host := saved.Host{Name: h.Name, HostKey: s.Identity().HostKey, MachineID: f.MachineID, BootID: f.BootID, OS: f.OS, Kernel: f.Kernel, Arch: f.Arch}
		if record := r.world.Records[h.Name]; record != nil {
			host.Record = record.Cluster
		}
		list = append(list, host)
	}
	return list, nil
}
