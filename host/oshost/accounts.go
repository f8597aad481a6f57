package oshost

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// accounts are the users and groups of /etc/passwd and /etc/group, read again
// when those files change. Services run under local accounts; those of a
// directory service show as numbers.
type accounts struct {
	mu     sync.Mutex
	passwd *table
	group  *table
}

// A table is one of the two files.
type table struct {
	stamp  stamp
	byName map[string][]string // fields of the line
	byID   map[uint32]string
}

// A stamp is what changes with a file.
type stamp struct {
	Dev, Ino     uint64
	Size         int64
	Mtime, Ctime int64 // ns
}

func stampOf(st *unix.Stat_t) stamp {
	return stamp{Dev: st.Dev, Ino: st.Ino, Size: st.Size, Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano()}
}

// readTable is what the file says; old, if the file is still the same.
func readTable(path string, old *table) *table {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return &table{}
	}
	if old != nil && old.stamp == stampOf(&st) {
		return old
	}
	t := &table{stamp: stampOf(&st), byName: map[string][]string{}, byID: map[uint32]string{}}
	f, err := os.Open(path)
	if err != nil {
		return t
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		fields := strings.Split(sc.Text(), ":")
		if len(fields) < 3 {
			continue
		}
		id, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		if _, ok := t.byName[fields[0]]; !ok {
			t.byName[fields[0]] = fields
		}
		if _, ok := t.byID[uint32(id)]; !ok {
			t.byID[uint32(id)] = fields[0]
		}
	}
	return t
}

func (t *table) name(id uint32) string {
	if n, ok := t.byID[id]; ok {
		return n
	}
	return strconv.FormatUint(uint64(id), 10)
}

// id is the number of a name; "" is root, and a number is itself.
func (t *table) id(name string) (int, error) {
	if name == "" {
		return 0, nil
	}
	if f, ok := t.byName[name]; ok {
		return strconv.Atoi(f[2])
	}
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	return 0, fmt.Errorf("no account %q", name)
}

// tables are the files as they are now. Tables do not change.
func (a *accounts) tables() (passwd, group *table) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.passwd = readTable("/etc/passwd", a.passwd)
	a.group = readTable("/etc/group", a.group)
	return a.passwd, a.group
}

// ids are the numbers of an owner and a group.
func (a *accounts) ids(owner, group string) (uid, gid int, err error) {
	passwd, groups := a.tables()
	if uid, err = passwd.id(owner); err != nil {
		return 0, 0, err
	}
	gid, err = groups.id(group)
	return uid, gid, err
}

// Users tells which of these user names exist.
func (h *Host) Users(_ context.Context, names []string) ([]host.User, error) {
	users := make([]host.User, len(names))
	passwd, _ := h.names.tables()
	for i, n := range names {
		users[i].Name = n
		f, ok := passwd.byName[n]
		if !ok || len(f) < 4 {
			continue
		}
		users[i].Exists = true
		users[i].UID, _ = strconv.Atoi(f[2]) // readTable took only numbers
		users[i].GID, _ = strconv.Atoi(f[3]) // a bad one is 0, as for login
	}
	return users, nil
}
