package view

import (
	"fmt"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/hostnames"
)

// leftOutAtMost is how many groups of steps a line names.
const leftOutAtMost = 5

// leftOutSteps says in a line for each reason which steps are left out.
func leftOutSteps(p *printer, c *executor.Checked, st Style) {
	var reasons []string
	by := map[string][]address.Step{}
	for _, a := range c.LeftOut() {
		l := c.Left[a]
		why := l.Flag
		if !l.Cause.IsZero() {
			why = fmt.Sprintf("%s, which leaves out %s", l.Flag, l.Cause)
		}
		if by[why] == nil {
			reasons = append(reasons, why)
		}
		by[why] = append(by[why], a)
	}
	if len(reasons) > leftOutAtMost {
		rest := reasons[leftOutAtMost-1:]
		reasons = reasons[: leftOutAtMost-1 : leftOutAtMost-1]
		var steps []address.Step
		for _, why := range rest {
			steps = append(steps, by[why]...)
		}
		by["of other steps that are left out"] = steps
		reasons = append(reasons, "of other steps that are left out")
	}
	for _, why := range reasons {
		because := "because of "
		if strings.HasPrefix(why, "of ") {
			because = "because "
		}
		head, parts := st.yellow("Left out")+", "+because+why+": ", stepsInWords(by[why])
		if len(parts) == 1 {
			p.line(head, parts[0])
			continue
		}
		p.line(head, Count(len(by[why]), "step"))
		for _, part := range parts {
			p.line("    ", part)
		}
	}
}

// stepsInWords are steps by the hosts that they are on: "kernel, dns on cp-1",
// "kubelet, flannel, node on worker-[2-40]", "kubelet.worker-1".
func stepsInWords(steps []address.Step) []string {
	if len(steps) == 1 {
		return []string{steps[0].String()}
	}
	var modules []string
	hosts := map[string][]string{}
	for _, a := range steps {
		if hosts[a.Module] == nil {
			modules = append(modules, a.Module)
		}
		hosts[a.Module] = append(hosts[a.Module], a.Host)
	}
	var order []string
	on := map[string][]string{}
	for _, m := range modules {
		where := hostnames.Join(hosts[m])
		if on[where] == nil {
			order = append(order, where)
		}
		on[where] = append(on[where], m)
	}
	var parts []string
	for _, where := range order[:min(len(order), leftOutAtMost)] {
		parts = append(parts, someOf(on[where])+" on "+where)
	}
	if len(order) > leftOutAtMost {
		parts = append(parts, "and others")
	}
	return parts
}

// someOf are the first names of a list.
func someOf(names []string) string {
	if len(names) <= leftOutAtMost+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:leftOutAtMost], ", "), len(names)-leftOutAtMost)
}
