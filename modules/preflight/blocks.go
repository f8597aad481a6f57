package preflight

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/hostnames"
)

// A block is a group of hosts none of which reaches any host of another
// group, as with a firewall between two networks.
type block struct {
	from, to []string
	edges    []*EdgeResult
}

// blocksAtMost is how many statements are still easier to read than a count.
const blocksAtMost = 6

// blocks states which groups of hosts do not reach which. It returns nil if
// the edges have no such pattern.
func (s *sheet) blocks(edges []*EdgeResult) []Statement {
	apart, among := blocksBy(edges, false), blocksBy(edges, true)
	if len(among) < len(apart) {
		apart = among
	}
	var out []Statement
	for i, b := range apart {
		mirror := slices.IndexFunc(apart, func(o *block) bool { return slices.Equal(o.from, b.to) && slices.Equal(o.to, b.from) })
		if mirror >= 0 && mirror < i {
			continue // stated together with the mirror
		}
		all := b.edges
		if mirror > i {
			all = slices.Concat(all, apart[mirror].edges)
		}
		out = append(out, b.statement(mirror >= 0, all))
		out[len(out)-1].first = s.at[b.edges[0]]
	}
	if len(out) > blocksAtMost || len(out)*2 > len(edges) || len(edges) < 3 {
		return nil
	}
	return out
}

func (b *block) statement(both bool, edges []*EdgeResult) Statement {
	from, to := b.from, b.to
	if both && len(from) == 2 && slices.Equal(from, to) { // two hosts that do not reach each other
		from, to = from[:1], to[1:]
	}
	stmt := summed(hostsText(from), hostsText(to), both, edges)
	if len(from)+len(to) > 2 {
		stmt.FromHosts, stmt.ToHosts = from, to
	}
	return stmt
}

// blocksBy puts hosts together that fail to reach the same others. With self,
// a host counts as one that it does not reach itself: hosts that do not reach
// each other then have the same others.
func blocksBy(edges []*EdgeResult, self bool) []*block {
	to := map[string][]string{}
	of := map[string][]*EdgeResult{}
	var order []string
	for _, e := range edges {
		if of[e.From] == nil {
			order = append(order, e.From)
		}
		to[e.From], of[e.From] = append(to[e.From], e.To), append(of[e.From], e)
	}
	var out []*block
	at := map[string]*block{}
	for _, from := range order {
		if self {
			to[from] = append(to[from], from)
		}
		slices.SortFunc(to[from], hostnames.Compare)
		key := strings.Join(to[from], " ")
		b := at[key]
		if b == nil {
			b = &block{to: to[from]}
			at[key], out = b, append(out, b)
		}
		b.from, b.edges = append(b.from, from), append(b.edges, of[from]...)
	}
	for _, b := range out {
		slices.SortFunc(b.from, hostnames.Compare)
	}
	return out
}

// rangesAtMost is how many names and ranges of names a statement has.
const rangesAtMost = 4

// hostsText names hosts: "cp-1, worker-[1-49]".
func hostsText(hosts []string) string {
	parts := hostnames.Ranges(hosts)
	if len(parts) <= rangesAtMost {
		return strings.Join(parts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(hosts[:rangesAtMost], ", "), len(hosts)-rangesAtMost)
}
