// Package address names the steps of the plan graph. It stands below all
// packages that speak of a step: what a module waits for, what a record owns,
// what people type.
package address

import (
	"fmt"
	"strings"
)

// An Addr is the address of a step. Its text form is one word that Parse reads
// back: "kubelet.worker-1", "file[motd].node-1.example.com", "connectivity".
type Addr struct {
	Module   string // kubelet; never empty, and without ".", "[" and "]"
	Instance string // motd: which of several of one module on a host; "" of all others; without "]"
	Host     string // worker-1; "" of a step over all hosts
}

// Of is the address of a module on a host.
func Of(module, host string) Addr { return Addr{Module: module, Host: host} }

// Parse reads the text form.
func Parse(text string) (Addr, error) {
	end := strings.IndexAny(text, ".[]")
	if end < 0 {
		end = len(text)
	}
	a, rest := Addr{Module: text[:end]}, text[end:]
	if inner, ok := strings.CutPrefix(rest, "["); ok {
		if a.Instance, rest, ok = strings.Cut(inner, "]"); !ok || a.Instance == "" {
			return Addr{}, fmt.Errorf("%q is no step: a name in brackets is missing or not closed", text)
		}
	}
	host, hasHost := strings.CutPrefix(rest, ".")
	a.Host = host
	if a.Module == "" || hasHost != (host != "") || !hasHost && rest != "" || a.String() != text {
		return Addr{}, fmt.Errorf("%q is no step: want MODULE, MODULE.HOST or MODULE[NAME].HOST", text)
	}
	return a, nil
}

// MustParse is Parse for constants; it panics where Parse fails.
func MustParse(text string) Addr {
	a, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return a
}

// IsZero reports whether it is no step's address.
func (a Addr) IsZero() bool { return a == Addr{} }

// String is the text form; "" of the zero value.
func (a Addr) String() string {
	text := a.Module
	if a.Instance != "" {
		text += "[" + a.Instance + "]"
	}
	if a.Host != "" {
		text += "." + a.Host
	}
	return text
}

// MarshalText is String, for JSON.
func (a Addr) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is Parse; no text is the zero value.
func (a *Addr) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = Addr{}
		return nil
	}
	read, err := Parse(string(text))
	*a = read
	return err
}

// Join is the text forms of several addresses with sep between them.
func Join(steps []Addr, sep string) string {
	texts := make([]string, len(steps))
	for i, a := range steps {
		texts[i] = a.String()
	}
	return strings.Join(texts, sep)
}
