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

// accounts are the users and groups of /etc/passwd and /etc/group, which are
// read again when the files change. Services run under local accounts.
// Accounts of a directory service appear as numbers.
type accounts struct {
	mu     sync.Mutex
	passwd *table
	group  *table
}

// A table is the content of one of the two files.
type table struct {
	stamp  stamp
	byName map[string][]string // fields of the name's line
	byID   map[uint32]string
}

// A stamp changes when the file does.
type stamp struct {
	Dev, Ino     uint64
	Size         int64
	Mtime, Ctime int64 // ns
}

func stampOf(st *unix.Stat_t) stamp {
	return stamp{Dev: st.Dev, Ino: st.Ino, Size: st.Size, Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano()}
}

// readTable reads the file, or returns old if the file has not changed since.
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

// id returns the number of a name. "" is root; a number is returned as it is.
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

// tables returns both files as they are now. A table that was returned is
// never changed.
func (a *accounts) tables() (passwd, group *table) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.passwd = readTable("/etc/passwd", a.passwd)
	a.group = readTable("/etc/group", a.group)
	return a.passwd, a.group
}

// ids returns the numbers of an owner and a group.
func (a *accounts) ids(owner, group string) (uid, gid int, err error) {
	passwd, groups := a.tables()
	if uid, err = passwd.id(owner); err != nil {
		return 0, 0, err
	}
	gid, err = groups.id(group)
	return uid, gid, err
}

// Users reports which of these user names exist.
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
		users[i].UID, _ = strconv.Atoi(f[2]) // readTable accepts only numbers
		users[i].GID, _ = strconv.Atoi(f[3]) // an invalid number counts as 0, as it does for login(1)
	}
	return users, nil
}
