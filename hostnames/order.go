// Package hostnames has the order of host names, the short form of many of
// them ("worker-[1-40]"), and the patterns that name some of them, which read
// that form too. It does not know which hosts there are.
package hostnames

import (
	"cmp"
	"strconv"
	"strings"
)

// Compare orders names such that worker-2 comes before worker-10.
func Compare(a, b string) int {
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
