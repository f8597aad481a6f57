package preflight

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Ranges writes names that count up as ranges: worker-1, worker-2 and
// worker-3 are "worker-[1-3]". The order is kept; numbers with leading
// zeros stay as they are.
func Ranges(hosts []string) []string {
	var out []string
	for i := 0; i < len(hosts); {
		prefix, first, ok := numbered(hosts[i])
		n := 1
		for ok && i+n < len(hosts) {
			p, next, numeric := numbered(hosts[i+n])
			if !numeric || p != prefix || next != first+n {
				break
			}
			n++
		}
		if n < 2 {
			out = append(out, hosts[i])
		} else {
			out = append(out, fmt.Sprintf("%s[%d-%d]", prefix, first, first+n-1))
		}
		i += n
	}
	return out
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
	if digits == "" || len(digits) > 1 && digits[0] == '0' {
		return name, 0, false
	}
	n, err := strconv.Atoi(digits)
	return strings.TrimSuffix(name, digits), n, err == nil
}
