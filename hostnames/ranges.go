package hostnames

import (
	"fmt"
	"strings"
)

// Ranges writes names that count up as ranges: worker-1, worker-2 and
// worker-3 are "worker-[1-3]", worker-09 and worker-10 "worker-[09-10]". The
// order is kept.
func Ranges(names []string) []string {
	var out []string
	for i := 0; i < len(names); {
		n := 1
		for i+n < len(names) && follows(names[i+n-1], names[i+n]) {
			n++
		}
		if n < 2 {
			out = append(out, names[i])
		} else {
			prefix, _, _ := numbered(names[i])
			out = append(out, fmt.Sprintf("%s[%s-%s]", prefix, names[i][len(prefix):], names[i+n-1][len(prefix):]))
		}
		i += n
	}
	return out
}

// Join returns the ranges of names as one text: "cp-1, worker-[1-40]".
func Join(names []string) string { return strings.Join(Ranges(names), ", ") }

// follows reports whether b is the next number after a, written with as many
// digits where zeros lead.
func follows(a, b string) bool {
	p, n, numericA := numbered(a)
	q, m, numericB := numbered(b)
	if !numericA || !numericB || p != q || m != n+1 {
		return false
	}
	padded := a[len(p)] == '0' && len(a) > len(p)+1 || b[len(q)] == '0'
	return !padded || len(a) == len(b)
}
