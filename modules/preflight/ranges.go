package preflight

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Ranges writes names that count up as ranges: worker-1, worker-2 and
// worker-3 are "worker-[1-3]", worker-09 and worker-10 "worker-[09-10]". The
// order is kept.
func Ranges(hosts []string) []string {
	var out []string
	for i := 0; i < len(hosts); {
		n := 1
		for i+n < len(hosts) && follows(hosts[i+n-1], hosts[i+n]) {
			n++
		}
		if n < 2 {
			out = append(out, hosts[i])
		} else {
			prefix, _, _ := numbered(hosts[i])
			out = append(out, fmt.Sprintf("%s[%s-%s]", prefix, hosts[i][len(prefix):], hosts[i+n-1][len(prefix):]))
		}
		i += n
	}
	return out
}

// follows tells if b is the next number after a, written with as many digits
// where zeros lead.
func follows(a, b string) bool {
	p, n, numericA := numbered(a)
	q, m, numericB := numbered(b)
	if !numericA || !numericB || p != q || m != n+1 {
		return false
	}
	padded := a[len(p)] == '0' && len(a) > len(p)+1 || b[len(q)] == '0'
	return !padded || len(a) == len(b)
}

// Naturally orders names such that worker-2 comes before worker-10.
func Naturally(a, b string) int {
	x, n, _ := numbered(a)
	y, m, _ := numbered(b)
	return cmp.Or(strings.Compare(x, y), n-m, strings.Compare(a, b))
}

// numbered splits a trailing number off a name.
func numbered(name string) (prefix string, n int, ok bool) {
	digits := name[len(strings.TrimRight(name, "0123456789")):]
	if digits == "" {
		return name, 0, false
	}
	n, err := strconv.Atoi(digits)
	return strings.TrimSuffix(name, digits), n, err == nil
}
