package wording

import (
	"strconv"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/spec"
)

// Names are the values of each host in which it differs from hosts that are
// otherwise alike: its name and addresses, in one order for all hosts.
type Names map[string][]string

// NamesOf returns the names and addresses of a cluster's hosts.
func NamesOf(c *spec.Cluster) Names {
	names := Names{}
	for _, h := range c.AllHosts() {
		names[h.Name] = []string{h.Name, h.Address.String(), h.SSH.Address}
	}
	return names
}

// likeness returns a diff with the host's own names replaced and without the
// hashes that follow from them. Hosts with the same likeness are alike.
func likeness(d change.Diff, names []string) string {
	var b strings.Builder
	for _, c := range d {
		for _, part := range []string{c.Class, c.Setting, string(c.Action), c.Item, c.Have, c.Want, c.Why, c.Until.String(), c.SHA256,
			c.Unit.Have.String(), c.Unit.Want.String(), c.Cause, c.HaveSHA256, c.Host, strconv.FormatInt(c.Bytes, 10)} {
			b.WriteString(part)
			b.WriteByte(0)
		}
		for _, is := range []bool{c.Secret, c.Drift, c.Manifest, c.Generated, c.Gap, c.Redo, c.Volatile} {
			b.WriteString(strconv.FormatBool(is))
		}
	}
	text := withoutInputs(b.String())
	for i, n := range names {
		text = ReplaceWord(text, n, "\x01"+strconv.Itoa(i)+"\x01")
	}
	return text
}

// withoutInputs removes the hashes of units. inputsLine would do it too, and
// would take most of the time that a plan of many hosts needs.
func withoutInputs(text string) string {
	return withoutHash(withoutHash(text, change.InputsKey+"="), host.InputsVar+"=")
}

func withoutHash(text, mark string) string {
	if !strings.Contains(text, mark) {
		return text
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, mark)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString(mark)
		text = strings.TrimLeft(after, "0123456789abcdef")
	}
}

// ReplaceWord replaces a name or an address where it stands by itself:
// worker-1 is no part of worker-10.
func ReplaceWord(text, word, by string) string {
	if word == "" || !strings.Contains(text, word) {
		return text
	}
	var b strings.Builder
	for {
		i := strings.Index(text, word)
		if i < 0 {
			return b.String() + text
		}
		end := i + len(word)
		b.WriteString(text[:i])
		if i > 0 && isWord(text[i-1]) || end < len(text) && isWord(text[end]) {
			b.WriteString(word)
		} else {
			b.WriteString(by)
		}
		text = text[end:]
	}
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
