package hostnames

import (
	"regexp"
	"strconv"
	"strings"
)

// A Pattern is a name in which * stands for anything and [1-3] for a number.
type Pattern struct {
	re     *regexp.Regexp
	ranges []span // of the numbers that re captures
}

// A span is the numbers of a range.
type span struct {
	from, to int
	digits   int // of each number, where zeros lead; 0 where none does
}

var wildcard = regexp.MustCompile(`\*|\[\d{1,18}-\d{1,18}\]`)

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
			p.ranges = append(p.ranges, parseSpan(part[1:len(part)-1]))
			re.WriteString(`(\d+)`)
		}
		rest = rest[at[1]:]
	}
	p.re = regexp.MustCompile(re.String())
	return p
}

// parseSpan reads "1-40", or "01-40" where all numbers have two digits.
func parseSpan(text string) span {
	from, to, _ := strings.Cut(text, "-")
	var s span
	s.from, _ = strconv.Atoi(from) // the digits fit
	s.to, _ = strconv.Atoi(to)
	if leadingZero(from) && len(from) == len(to) {
		s.digits = len(from)
	}
	return s
}

func (s span) holds(digits string) bool {
	n, err := strconv.Atoi(digits)
	if err != nil || n < s.from || n > s.to {
		return false
	}
	if s.digits > 0 {
		return len(digits) == s.digits
	}
	return !leadingZero(digits)
}

func leadingZero(digits string) bool { return len(digits) > 1 && digits[0] == '0' }

// Matches reports whether the whole of a name is as the pattern says.
func (p Pattern) Matches(name string) bool {
	m := p.re.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	for i, r := range p.ranges {
		if !r.holds(m[i+1]) {
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
