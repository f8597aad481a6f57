package view

import (
	"fmt"
	"strconv"
	"strings"
)

// HostRanges writes names that count up as ranges: worker-1, worker-2 and
// worker-3 are "worker-[1-3]". The order is kept; numbers with leading
// zeros stay as they are.
func HostRanges(hosts []string) []string {
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

// numbered splits a trailing number off a name.
func numbered(name string) (prefix string, n int, ok bool) {
	digits := name[len(strings.TrimRight(name, "0123456789")):]
	if digits == "" || len(digits) > 1 && digits[0] == '0' {
		return "", 0, false
	}
	n, err := strconv.Atoi(digits)
	return strings.TrimSuffix(name, digits), n, err == nil
}
