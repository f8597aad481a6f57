package wording

import (
	"fmt"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/hostnames"
)

// atMost is how many groups of steps or modules a line names.
const atMost = 5

// Excluded says for each reason which steps are excluded: in one line, or in
// several if there are many.
func Excluded(steps []address.Addr, left map[address.Addr]change.Exclusion) []Text {
	var lines []Text
	reasons, by := exclusions(steps, left)
	for _, why := range reasons {
		head, parts := Text{{"Left out", Warning}, {Text: ", " + why + ": "}}, Steps(by[why])
		if len(parts) == 1 {
			lines = append(lines, append(head, Span{Text: parts[0]}))
			continue
		}
		lines = append(lines, append(head, Span{Text: Count(len(by[why]), "step")}))
		for _, part := range parts {
			lines = append(lines, Text{{Text: "    " + part}})
		}
	}
	return lines
}

// exclusions returns a few reasons, and the steps of each.
func exclusions(steps []address.Addr, left map[address.Addr]change.Exclusion) (reasons []string, by map[string][]address.Addr) {
	by = map[string][]address.Addr{}
	for _, a := range steps {
		why := "because of " + left[a].Flag
		if cause := left[a].Cause; !cause.IsZero() {
			why = fmt.Sprintf("%s, which leaves out %s", why, cause)
		}
		if by[why] == nil {
			reasons = append(reasons, why)
		}
		by[why] = append(by[why], a)
	}
	if len(reasons) > atMost {
		const others = "because of other steps that are left out"
		for _, why := range reasons[atMost-1:] {
			by[others] = append(by[others], by[why]...)
		}
		reasons = append(reasons[:atMost-1:atMost-1], others)
	}
	return reasons, by
}

// Steps names steps by their hosts: "kernel, dns on cp-1",
// "kubelet, flannel, node on worker-[2-40]", "kubelet.worker-1".
func Steps(steps []address.Addr) []string {
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
	for _, where := range order[:min(len(order), atMost)] {
		parts = append(parts, someOf(on[where])+" on "+where)
	}
	if len(order) > atMost {
		parts = append(parts, "and others")
	}
	return parts
}

// someOf names the first of a list.
func someOf(names []string) string {
	if len(names) <= atMost+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:atMost], ", "), len(names)-atMost)
}
