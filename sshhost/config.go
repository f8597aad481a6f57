package sshhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// resolve fills in what the target does not set, first from the user's
// ssh_config, and does the same for its bastions. If the file cannot be read,
// targets that do not need it still work, and errors say that it was not
// used.
func resolve(t Target, file string) (Target, error) {
	cfg, err := readConfig(file)
	if err != nil {
		t.note = fmt.Sprintf("%s was not used: %v", file, err)
	}
	return fill(t, cfg, 0)
}

func readConfig(file string) (*ssh_config.Config, error) {
	none := &ssh_config.Config{}
	data, err := os.ReadFile(file)
	if file == "" || errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	// The parser does not know Match blocks. They are ignored; what is before
	// and after them counts.
	cfg, err := ssh_config.DecodeBytes(withoutMatch(data))
	if err != nil {
		return none, err
	}
	return cfg, nil
}

func withoutMatch(data []byte) []byte {
	var out strings.Builder
	skip := false
	for line := range strings.Lines(string(data)) {
		if f := strings.FieldsFunc(strings.ToLower(line), func(r rune) bool { return strings.ContainsRune(" \t\r\n=", r) }); len(f) > 0 {
			skip = f[0] == "match" || skip && f[0] != "host"
		}
		if skip {
			line = "\n"
		}
		out.WriteString(line)
	}
	return []byte(out.String())
}

func fill(t Target, cfg *ssh_config.Config, depth int) (Target, error) {
	if depth > 8 {
		return t, t.fail(ErrUnreachable, errors.New("more than 8 bastions in a row"), "")
	}
	alias := t.Address
	get := func(key string) string {
		v, _ := cfg.Get(alias, key)
		return strings.Trim(strings.TrimSpace(v), `"`)
	}
	if name := get("HostName"); name != "" {
		t.Address = strings.ReplaceAll(name, "%h", alias)
	}
	if t.Port == 0 {
		t.Port, _ = strconv.Atoi(get("Port"))
	}
	if t.Port == 0 {
		t.Port = 22
	}
	if t.User == "" {
		t.User = get("User")
	}
	if t.User == "" {
		t.User = "root"
	}
	if t.IdentityFile == "" { // a missing one is no error, because the file is for many hosts
		files, _ := cfg.GetAll(alias, "IdentityFile")
		for _, f := range files {
			if f = tilde(strings.Trim(f, `"`)); t.IdentityFile == "" && exists(f) {
				t.IdentityFile = f
			}
		}
	}
	if len(t.KnownHosts) == 0 {
		t.KnownHosts = []string{home(".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"}
	}
	if t.Bastion == nil {
		t.Bastion = jump(get("ProxyJump"), t)
	}
	if t.Bastion != nil {
		b, err := fill(*t.Bastion, cfg, depth+1)
		if err != nil {
			return t, err
		}
		t.Bastion = &b
	}
	return t, nil
}

// jump reads a ProxyJump: bastions that are dialled one after the other. The
// last one is next to t.
func jump(list string, t Target) *Target {
	var at *Target
	for hop := range strings.SplitSeq(list, ",") {
		hop = strings.TrimPrefix(strings.TrimSpace(hop), "ssh://")
		if hop == "" || strings.EqualFold(hop, "none") {
			continue
		}
		b := &Target{Agent: t.Agent, KnownHosts: t.KnownHosts, Bastion: at}
		if i := strings.LastIndexByte(hop, '@'); i >= 0 {
			b.User, hop = hop[:i], hop[i+1:]
		}
		b.Address = hop
		if i := strings.LastIndexByte(hop, ':'); i >= 0 && (strings.HasSuffix(hop[:i], "]") || strings.Count(hop, ":") == 1) {
			b.Address = hop[:i]
			b.Port, _ = strconv.Atoi(hop[i+1:])
		}
		b.Address = strings.Trim(b.Address, "[]")
		at = b
	}
	return at
}

func tilde(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return home(rest)
	}
	return strings.ReplaceAll(path, "%d", home())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
