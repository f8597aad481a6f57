package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/component"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/state"
	"github.com/pmkctl/pmkctl/view"
)

// work is a spec and its hosts while a command is about them.
type work struct {
	*app
	files      map[string]*hcl.File
	inventory  []state.HostEntry // as the control plane has it
	destroy    bool              // the command takes everything away
	alone      []string          // hosts that destroy has nothing to do with
	members    string            // id of the cluster that is destroyed
	cluster    *spec.Cluster
	excluded   []string
	conn       *connection
	records    map[string]*state.Record
	holders    map[string]*host.LockRequest // of other runs
	compiled   *plan.Compiled
	progress   *watch
	sources    *component.Sources
	run        string         // id of this run
	probesOnly bool           // the command is about preflight alone
	applies    bool           // the command makes changes
	verdicts   []spec.Verdict // of the policies, as they were shown
	path       string         // of the spec, as it was given
	choice     *plan.Choice   // of steps; nil for all

	saved   *saved.Plan  // that is applied; nil without one
	planID  string       // of that plan
	unnoted []saved.Step // steps of that plan that are done, while no journal says so
}

// load reads the spec and shows all that is wrong with it.
func (a *app) load(path string) (*spec.Cluster, map[string]*hcl.File, error) {
	cluster, files, diags := spec.Load(path, spec.Options{Vars: a.flags.vars, VarFiles: a.flags.varFiles, Env: os.Environ()})
	if err := a.diagnose(files, diags); err != nil {
		return nil, nil, err
	}
	return cluster, files, nil
}

// diagnose shows diagnostics; errors among them end the command.
func (a *app) diagnose(files map[string]*hcl.File, diags hcl.Diagnostics) error {
	a.tellDiagnostics(files, diags)
	if err := view.Diagnostics(a.err, files, diags, width(a.err), a.style(a.err)); err != nil {
		return err
	}
	if diags.HasErrors() {
		return &exitError{Code: exitSpec}
	}
	return nil
}

// open loads the spec and connects to its hosts, one of which at least must
// be there. The caller closes it.
func (a *app) open(cmd *cobra.Command, args []string, opts sshhost.Options) (*work, error) {
	w, err := a.reach(cmd, args, opts)
	if err != nil {
		return nil, err
	}
	if len(w.conn.sessions) == 0 {
		err = errors.Join(w.unreachable(), w.nobody())
	} else if w.destroy {
		err = w.toDestroy(cmd.Context(), opts)
	} else {
		err = w.toLeave(cmd.Context(), opts)
	}
	if err != nil {
		defer w.close()
		return nil, err
	}
	return w, nil
}

// nobody is the error where all hosts are left out.
func (w *work) nobody() error {
	if len(w.conn.failed) > 0 {
		return nil
	}
	return errors.New("every host is left out")
}

// reach is open even if no host is there.
func (a *app) reach(cmd *cobra.Command, args []string, opts sshhost.Options) (*work, error) {
	cluster, files, err := a.load(specPath(args))
	if err != nil {
		return nil, err
	}
	hosts, err := a.included(cluster)
	if err != nil {
		return nil, err
	}
	w := &work{app: a, path: specPath(args), cluster: cluster, files: files, excluded: a.excluded(cluster.Hosts), destroy: a.flags.destroy, run: state.NewClusterID()[:8],
		progress: a.newProgress(), sources: &component.Sources{}}
	if w.conn, err = a.connect(cmd.Context(), hosts, opts, w.progress.Event); err != nil {
		w.progress.Close()
		return nil, err
	}
	return w, nil
}

func (w *work) close() {
	w.progress.Close()
	w.conn.close()
}

// included are the hosts that are not left out.
func (a *app) included(c *spec.Cluster) ([]*spec.Host, error) {
	var hosts []*spec.Host
	for _, h := range c.Hosts {
		if a.leavesOut(h.Name) {
			a.note("Host %s is left out.", h.Name)
			if h.Has(spec.ControlPlane) && !a.flags.destroy {
				return nil, fmt.Errorf("host %s is the control plane: nothing can be planned without it", h.Name)
			}
			continue
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// unreachable is the error for hosts that could not be used; nil if all were.
func (w *work) unreachable() error {
	if len(w.conn.failed) == 0 {
		return nil
	}
	var names, lines []string
	hosts := w.cluster.Everyone()
	for _, h := range hosts {
		if err := w.conn.failed[h.Name]; err != nil {
			names, lines = append(names, h.Name), append(lines, "  "+err.Error())
		}
	}
	advice := ""
	if i := slices.IndexFunc(hosts, func(h *spec.Host) bool {
		return w.conn.failed[h.Name] != nil && (w.destroy || !h.Has(spec.ControlPlane))
	}); i >= 0 && w.saved == nil { // a saved plan says which hosts
		advice = "\nTo go on without a host: -exclude=" + hosts[i].Name
	}
	return &exitError{exitUnreachable, fmt.Errorf("connect to %s:\n%s%s", strings.Join(names, ", "), strings.Join(lines, "\n"), advice)}
}

// compile reads the hosts' records, refuses what cannot change on a live
// cluster, and makes the graph.
func (w *work) compile(ctx context.Context) error {
	if err := w.readRecords(ctx); err != nil {
		return err
	}
	if err := w.stillMembers(); err != nil {
		return err
	}
	if w.destroy {
		return w.graph(ctx)
	}
	if err := w.diagnose(w.files, plan.Immutable(w.cluster, w.records)); err != nil {
		return err
	}
	return w.graph(ctx)
}

// graph makes the graph from spec, hosts and records.
func (w *work) graph(ctx context.Context) error {
	compiled, err := plan.Compile(ctx, w.cluster, plan.World{
		Hosts: w.hosts(), Records: w.records, Identities: w.identities(), Left: w.left(), Sources: w.sources,
		ProbesOnly: w.probesOnly || len(w.conn.failed) > 0, Holder: w.holder, Inventory: w.inventory, Destroy: w.destroy})
	if w.compiled = compiled; err != nil {
		return err
	}
	return w.choose()
}

func (w *work) identities() map[string]host.Identity {
	ids := map[string]host.Identity{}
	for name, s := range w.conn.sessions {
		ids[name] = s.Identity()
	}
	return ids
}

// left are the hosts that this run does without.
func (w *work) left() map[string]string {
	left := map[string]string{}
	for _, h := range w.excluded {
		left[h] = "excluded"
	}
	for h := range w.conn.failed {
		left[h] = "unreachable"
	}
	for _, l := range w.cluster.Leaving {
		if l.Unreachable {
			left[l.Host.Name] = "given up, not cleaned"
		}
	}
	for _, h := range w.alone {
		left[h] = "no member of the cluster"
	}
	return left
}

// holder tells which other run held a host's lock when its record was read.
func (w *work) holder(_ context.Context, name string) (*host.LockRequest, error) {
	return w.holders[name], nil
}

// readRecords reads what all hosts know of their cluster, and who holds them:
// at once, so that the probes need not ask.
func (w *work) readRecords(ctx context.Context) error {
	records, holders := map[string]*state.Record{}, map[string]*host.LockRequest{}
	var mu sync.Mutex
	err := w.conn.each(func(name string, s host.Session) error {
		var r *state.Record
		var holder *host.LockRequest
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() (err error) {
			if r, err = state.Load(ctx, s); err != nil {
				return err
			}
			return plan.RecallDomain(ctx, s, w.cluster, r)
		})
		g.Go(func() (err error) { holder, err = s.LockHolder(ctx); return err })
		err := g.Wait()
		mu.Lock()
		defer mu.Unlock()
		records[name] = r
		if holder != nil && holder.Run != w.run {
			holders[name] = holder
		}
		return err
	})
	w.records, w.holders = records, holders
	return err
}

func (w *work) hosts() executor.Hosts {
	hosts := executor.Hosts{}
	for name, s := range w.conn.sessions {
		hosts[name] = s
	}
	return hosts
}

// check compares everything with the hosts, and marks what is foreign.
func (w *work) check(ctx context.Context) *executor.Checked {
	w.progress.Event(event.Phase{Name: "check", Total: len(w.compiled.Graph.Steps) - 1})
	c := executor.Check(ctx, w.compiled.Graph, w.hosts(), w.progress.Event)
	for _, s := range w.compiled.Graph.Steps {
		if r := w.records[s.RunsOn()]; r != nil && c.Diffs[s.Addr] != nil {
			c.Diffs[s.Addr] = r.Mark(c.Diffs[s.Addr])
		}
	}
	w.narrow(c)
	return c
}

// judge turns failed probes, checks and policies into the command's end.
func (w *work) judge(c *executor.Checked) error {
	if err := w.judgeChecks(c); err != nil {
		return err
	}
	return w.judgePolicies(c)
}

func (w *work) judgeChecks(c *executor.Checked) error {
	probes, errs := c.Failed()
	lost := slices.ContainsFunc(errs, func(err error) bool { return errors.Is(err, host.ErrLost) })
	switch {
	case len(probes) > 0:
		return &exitError{exitPreflight, fmt.Errorf("preflight failed; nothing was changed")}
	case len(w.conn.failed) > 0:
		return w.unreachable()
	case lost:
		return &exitError{exitUnreachable, errors.Join(errs...)}
	case len(errs) > 0:
		return errors.Join(errs...)
	}
	return w.contradiction(c)
}

// names are what tells alike hosts apart.
func (w *work) names() view.Names { return view.NamesOf(w.cluster) }

func (a *app) newProgress() *watch {
	return &watch{view.NewProgress(a.err, a.style(a.err), width(a.err), a.flags.quiet || a.flags.json), a.emit}
}
