package oshost

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// The sources of traces.
const (
	sudo = "sudo"
	sshd = "sshd"
	apt  = "apt"
	dpkg = "dpkg"
	dnf  = "dnf"
)

// isAbout reports whether a line names the item. The line may name a path
// relative to the directory in which sudo was called.
func isAbout(t host.Trace, p host.Provenance) bool {
	switch t.Source {
	case apt, dpkg:
		return word(t.What, p.Package)
	case dnf:
		return p.Package != "" && strings.Contains(t.What, " "+p.Package+"-")
	case sshd:
		return false
	}
	command, dir, _ := strings.Cut(t.What, "\n")
	switch {
	case word(command, p.Item):
		return true
	case path.IsAbs(p.Item):
		return dir == path.Dir(p.Item) && word(command, path.Base(p.Item))
	}
	return word(command, strings.TrimSuffix(p.Item, ".service")) || word(command, strings.ReplaceAll(p.Item, ".", "/"))
}

// word reports whether w is a word of its own in text.
func word(text, w string) bool {
	for rest := text; w != ""; {
		i := strings.Index(rest, w)
		if i < 0 {
			return false
		}
		end := i + len(w)
		if (i == 0 || !isName(rest[i-1])) && (end == len(rest) || !isName(rest[end])) {
			return true
		}
		rest = rest[i+1:]
	}
	return false
}

func isName(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

var (
	sudoLine = regexp.MustCompile(`^\s*(\S+) : (?:.* ; )?PWD=(.*?) ; USER=\S+ ; (?:.* ; )?COMMAND=(.*)$`)
	sshdLine = regexp.MustCompile(`^Accepted (\S+) for (\S+) from (\S+) port \d+`)
)

// agentDir holds our own executables, which sudo copies there and runs for
// every plan.
const agentDir = "/var/lib/pmkctl/agent"

// parseJournal reads journalctl's JSON lines. In What the directory of a sudo
// command follows after a newline.
func parseJournal(out []byte) []host.Trace {
	var list []host.Trace
	for line := range bytes.Lines(out) {
		var e struct {
			Time    string `json:"__REALTIME_TIMESTAMP"`
			Message any    `json:"MESSAGE"`
		}
		if json.Unmarshal(line, &e) != nil {
			continue
		}
		us, err := strconv.ParseInt(e.Time, 10, 64)
		text, ok := e.Message.(string) // a message that is no text is a list of numbers
		if err != nil || !ok {
			continue
		}
		at := time.UnixMicro(us).UTC()
		if m := sudoLine.FindStringSubmatch(text); m != nil && !strings.Contains(m[3], agentDir) {
			list = append(list, host.Trace{Time: at, Source: sudo, Who: m[1], What: m[3] + "\n" + m[2]})
		} else if m := sshdLine.FindStringSubmatch(text); m != nil {
			list = append(list, host.Trace{Time: at, Source: sshd, Who: m[2], What: "from " + m[3] + " by " + m[1]})
		}
	}
	return list
}

// parseDpkg reads lines such as
//
//	2026-11-22 19:30:01 upgrade containerd:amd64 1.7.1 1.7.2
func parseDpkg(text string, local *time.Location) []host.Trace {
	var list []host.Trace
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		at, err := time.ParseInLocation(time.DateTime, f[0]+" "+f[1], local)
		switch f[2] {
		case "install", "upgrade", "remove", "purge":
			if name, _, _ := strings.Cut(f[3], ":"); err == nil {
				list = append(list, host.Trace{Time: at.UTC(), Source: dpkg, What: f[2] + " " + name})
			}
		}
	}
	return list
}

// parseApt reads blocks of apt's history: who called it, when, and with which
// arguments.
func parseApt(text string, local *time.Location) []host.Trace {
	var list []host.Trace
	for block := range strings.SplitSeq(text, "\n\n") {
		field := func(name string) string {
			for line := range strings.Lines(block) {
				if v, ok := strings.CutPrefix(line, name+": "); ok {
					return strings.TrimSpace(v)
				}
			}
			return ""
		}
		at, err := time.ParseInLocation("2006-01-02  15:04:05", field("Start-Date"), local)
		if err != nil || field("Commandline") == "" {
			continue
		}
		who, _, _ := strings.Cut(field("Requested-By"), " ")
		list = append(list, host.Trace{Time: at.UTC(), Source: apt, Who: who, What: field("Commandline")})
	}
	return list
}

// parseDnf reads lines such as
//
//	2026-11-22T19:30:01+0000 SUBDEBUG Upgrade: containerd.io-1.7.2-1.x86_64
func parseDnf(text string, _ *time.Location) []host.Trace {
	var list []host.Trace
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		at, err := time.Parse("2006-01-02T15:04:05-0700", f[0])
		switch do := strings.TrimSuffix(f[2], ":"); do {
		case "Installed", "Upgrade", "Upgraded", "Erase", "Reinstalled", "Downgrade":
			if err == nil {
				list = append(list, host.Trace{Time: at.UTC(), Source: dnf, What: strings.ToLower(do) + " " + f[3]})
			}
		}
	}
	return list
}
