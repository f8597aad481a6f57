package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/hostnames"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
)

// excludes reports whether -exclude names a host.
func (o Options) excludes(host string) bool {
	return slices.ContainsFunc(o.Exclude, func(text string) bool { return len(hostnames.Match(text, []string{host})) > 0 })
}

// included returns the hosts of the spec that are not excluded. It returns an
// error if a host is excluded that needed reports as indispensable.
func (o Options) included(c *spec.Cluster, needed func(*spec.Host) bool) ([]*spec.Host, error) {
	var hosts []*spec.Host
	for _, h := range c.Hosts {
		if !o.excludes(h.Name) {
			hosts = append(hosts, h)
			continue
		}
		o.noteExcluded(h)
		if needed(h) {
			return nil, fmt.Errorf("host %s is the control plane: nothing can be planned without it", h.Name)
		}
	}
	return hosts, nil
}

func (o Options) noteExcluded(h *spec.Host) { o.Console.Note("Host %s is left out.", h.Name) }

// excludedSteps returns the values of -exclude that name none of these hosts.
func (o Options) excludedSteps(hosts []*spec.Host) []string {
	known := namesOf(hosts)
	return slices.DeleteFunc(slices.Clone(o.Exclude), func(text string) bool { return len(hostnames.Match(text, known)) > 0 })
}

// checkExclude returns an error for a value of -exclude that names neither one
// of these hosts nor, if there is a selection, a module. Patterns of steps are
// checked later, when there is a graph.
func (o Options) checkExclude(c *spec.Cluster, hosts []*spec.Host) error {
	what := "host"
	if o.Selection != nil {
		what = "host or module"
	}
	for _, text := range o.excludedSteps(hosts) {
		if o.Selection == nil || !mayNameStep(c, text) {
			return fmt.Errorf("there is no %s %q to exclude%s", what, text, plan.Meant(text, namesOf(hosts)))
		}
	}
	return nil
}

func mayNameStep(c *spec.Cluster, text string) bool {
	if strings.ContainsAny(text, ". ") {
		return true
	}
	g, err := plan.CompileBare(context.Background(), c)
	if err != nil {
		return false
	}
	_, err = g.Find(text)
	return err == nil
}

func namesOf(hosts []*spec.Host) []string {
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	return names
}

func hostNamed(hosts []*spec.Host, name string) *spec.Host {
	for _, h := range hosts {
		if h.Name == name {
			return h
		}
	}
	return nil
}
