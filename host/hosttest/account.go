package hosttest

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

type account struct {
	uid, gid int
	groups   map[string]bool // in addition to its own
}

// Users implements host.Reader.
func (h *Host) Users(ctx context.Context, names []string) ([]host.User, error) {
	var users []host.User
	err := h.read(ctx, "Users", strings.Join(names, " "), func() error {
		for _, name := range names {
			a, ok := h.users[name]
			users = append(users, host.User{Name: name, Exists: ok, UID: a.uid, GID: a.gid})
		}
		return nil
	})
	return users, err
}

// sysusers makes the users and groups in a file of sysusers.d(5).
func (m *machine) sysusers(text string) error {
	for i, line := range strings.Split(text, "\n") {
		f := splitWords(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if err := m.sysuser(f); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}

func (m *machine) sysuser(f []string) error {
	if len(f) < 2 {
		return fmt.Errorf("Syntax error.")
	}
	id := ""
	if len(f) > 2 && f[2] != "-" {
		id = f[2]
	}
	switch strings.TrimSuffix(f[0], "!") {
	case "g":
		return m.addGroup(f[1], id)
	case "u":
		return m.addUser(f[1], id)
	case "m":
		if err := m.addUser(f[1], ""); err != nil {
			return err
		}
		if err := m.addGroup(id, ""); err != nil {
			return err
		}
		a := m.users[f[1]]
		groups := map[string]bool{id: true}
		for g := range a.groups {
			groups[g] = true
		}
		a.groups = groups
		m.users[f[1]] = a
		return nil
	case "r":
		return nil
	}
	return fmt.Errorf("Unknown command type '%s'.", f[0])
}

func (m *machine) addGroup(name, id string) error {
	if _, ok := m.groups[name]; ok {
		return nil
	}
	gid, err := m.freeID(id)
	if err != nil {
		return err
	}
	m.groups[name] = gid
	return nil
}

func (m *machine) addUser(name, id string) error {
	if _, ok := m.users[name]; ok {
		return nil
	}
	uid, group, _ := strings.Cut(id, ":")
	if uid == "-" {
		uid = ""
	}
	n, err := m.freeID(uid)
	if err != nil {
		return err
	}
	gid, ok := m.groups[name]
	switch {
	case group != "" && isNumber(group):
		gid, _ = strconv.Atoi(group)
	case group != "":
		if gid, ok = m.groups[group]; !ok {
			return fmt.Errorf("Group '%s' does not exist.", group)
		}
	case !ok:
		gid = n
		m.groups[name] = gid
	}
	m.users[name] = account{uid: n, gid: gid}
	return nil
}

// freeID returns the wanted id, or the next free one downwards from 998, as
// systemd chooses.
func (m *machine) freeID(want string) (int, error) {
	if want != "" {
		return strconv.Atoi(want)
	}
	taken := map[int]bool{}
	for _, a := range m.users {
		taken[a.uid] = true
	}
	for _, id := range m.groups {
		taken[id] = true
	}
	for id := 998; id >= 100; id-- {
		if !taken[id] {
			return id, nil
		}
	}
	return 0, fmt.Errorf("no free id")
}
