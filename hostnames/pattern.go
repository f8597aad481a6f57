package hostnames

import (
	"regexp"
	"strconv"
	"strings"
)

// A Pattern is a name in which * stands for anything and [1-3] for a number.
type Pattern struct {
	re     *regexp.Regexp
	ranges [][2]int // of the numbers that re captures
}

var wildcard = regexp.MustCompile(`\*|\[\d{1,9}-\d{1,9}\]`)

// ParsePattern reads a pattern. What is no wildcard stands for itself, so it
// cannot fail.
func ParsePattern(text string) Pattern {
	var p Pattern
	var re strings.Builder
	re.WriteString("^")
	for rest := text; ; {
		at := wildcard.FindStringIndex(rest)
		if at == nil {
			re.WriteString(regexp.QuoteMeta(rest) + "$")
			break
		}
		re.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		if part := rest[at[0]:at[1]]; part == "*" {
			re.WriteString(".*")
		} else {
			from, to, _ := strings.Cut(part[1:len(part)-1], "-")
			a, _ := strconv.Atoi(from) // up to nine digits
			b, _ := strconv.Atoi(to)
			p.ranges = append(p.ranges, [2]int{a, b})
			re.WriteString(`(\d+)`)
		}
		rest = rest[at[1]:]
	}
	p.re = regexp.MustCompile(re.String())
	return p
}

// Matches reports whether the whole of a name is as the pattern says.
func (p Pattern) Matches(name string) bool {
	m := p.re.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	for i, r := range p.ranges {
		n, err := strconv.Atoi(m[i+1])
		if err != nil || n < r[0] || n > r[1] || len(m[i+1]) > 1 && m[i+1][0] == '0' {
			return false
		}
	}
	return true
}

// Match returns those of names that a pattern matches.
func Match(pattern string, names []string) []string {
	p := ParsePattern(pattern)
	var out []string
	for _, n := range names {
		if p.Matches(n) {
			out = append(out, n)
		}
	}
	return out
}
