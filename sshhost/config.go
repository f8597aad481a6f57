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

// resolve fills in what the target leaves open, from the user's ssh_config
// first, and does so for the bastions on the way.
func resolve(t Target, file string) (Target, error) {
	cfg, err := readConfig(file)
	if err != nil {
		return t, t.fail(ErrUnreachable, err, "")
	}
	return fill(t, cfg, 0)
}

func readConfig(file string) (*ssh_config.Config, error) {
	data, err := os.ReadFile(file)
	if file == "" || errors.Is(err, fs.ErrNotExist) {
		return &ssh_config.Config{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the ssh configuration: %w", err)
	}
	// Match blocks are beyond the parser. What stands in them does not count,
	// what stands before and after does.
	return ssh_config.DecodeBytes(withoutMatch(data))
}

func withoutMatch(data []byte) []byte {
	var out strings.Builder
	skip := false
	for line := range strings.Lines(string(data)) {
		word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(line)), " ")
		switch word {
		case "match":
			skip = true
		case "host":
			skip = false
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
	if t.IdentityFile == "" {
		t.IdentityFile = get("IdentityFile")
	}
	t.IdentityFile = tilde(t.IdentityFile)
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

// jump reads a ProxyJump: hosts that are dialled one after another, the last
// of them next to t.
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
