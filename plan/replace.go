package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
)

// Replace makes the chosen steps redo their work although nothing differs. The
// error names the chosen steps that cannot.
func (g *Graph) Replace(chosen func(address.Addr) bool) error {
	var cannot, can []string
	for _, s := range g.Steps {
		m, ok := s.Work.(modules.Replacer)
		if _, already := s.Work.(*replaced); already {
			continue
		}
		if ok && !slices.Contains(can, s.Addr.Module) {
			can = append(can, s.Addr.Module)
		}
		switch {
		case !chosen(s.Addr):
		case ok:
			s.Work = &replaced{Replacer: m}
		default:
			cannot = append(cannot, s.Addr.String())
		}
	}
	if len(cannot) > 0 {
		return fmt.Errorf("-replace: %s cannot be done again: what differs there is put right in any case, and another key or CA would cut the cluster off. These can: %s",
			strings.Join(cannot, ", "), strings.Join(can, ", "))
	}
	return nil
}

// Replaced returns the steps that Replace chose, in plan order.
func (g *Graph) Replaced() []address.Addr {
	var list []address.Addr
	for _, s := range g.Steps {
		if _, ok := s.Work.(*replaced); ok {
			list = append(list, s.Addr)
		}
	}
	return list
}

// WasReplaced notes that an interrupted run has already redone the step: it is
// not redone once more.
func (g *Graph) WasReplaced(a address.Addr) {
	for _, s := range g.Steps {
		if m, ok := s.Work.(*replaced); ok && s.Addr == a {
			m.done.Store(true)
		}
	}
}

// replaced is a module that redoes its work once, although nothing differs.
type replaced struct {
	modules.Replacer
	done atomic.Bool
}

func (m *replaced) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	d, err := m.Replacer.Check(ctx, h)
	if err != nil || m.done.Load() {
		return d, err
	}
	all, err := m.Redo(ctx, slices.Clone(d))
	for i, c := range all {
		all[i].Redo = !slices.Contains(d, c)
	}
	return all, err
}

func (m *replaced) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if err := m.Replacer.Apply(ctx, h, d); err != nil {
		return err
	}
	m.done.Store(true)
	return nil
}

// Owns returns what the module owns, see modules.Owner.
func (m *replaced) Owns() []string {
	if o, ok := m.Replacer.(modules.Owner); ok {
		return o.Owns()
	}
	return nil
}

// Outputs returns those of the module, see modules.Giver.
func (m *replaced) Outputs() []modules.Output {
	if g, ok := m.Replacer.(modules.Giver); ok {
		return g.Outputs()
	}
	return nil
}

// Confirm asks the module to confirm, see modules.Confirmer. A module that is
// no Confirmer needs no confirmation.
func (m *replaced) Confirm(ctx context.Context, h host.Host) error {
	if c, ok := m.Replacer.(modules.Confirmer); ok {
		return c.Confirm(ctx, h)
	}
	return nil
}

// Conflict returns an error if a step is both to be redone and excluded.
func (c *Choice) Conflict(excluded map[address.Addr]change.Exclusion) error {
	var errs []error
	for _, s := range c.graph.Steps {
		if x, ok := excluded[s.Addr]; ok && c.replace[s.Addr] {
			errs = append(errs, fmt.Errorf("-replace and %s contradict each other: %s is to be done again, and is left out", x.Flag, s.Addr))
		}
	}
	return errors.Join(errs...)
}
