package host

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// SystemReader reads what the machine is, what is installed on it, and who
// changed it.
type SystemReader interface {
	Facts(ctx context.Context) (Facts, error)

	// Users reports which of these user names exist, in their order.
	Users(ctx context.Context, names []string) ([]User, error)

	// Programs finds programs ("iptables") in root's search path, in their
	// order. A program that is missing has an empty Path.
	Programs(ctx context.Context, names []string) ([]Program, error)

	// FsyncLatency times up to n small writes, each synced before the next,
	// on the file system of dir. If dir does not exist, its nearest existing
	// parent is used. The file has no name, so none can remain. It ends early
	// after a quarter of a second. It fails with ErrUnavailable if the file
	// system has no files without names.
	FsyncLatency(ctx context.Context, dir string, n int) ([]time.Duration, error)

	// Provenance returns what the host knows of the last change of each item:
	// its time, and who made it, in the order of items. An item is a path, a
	// unit, or another name that a log may contain. Commands from logs that
	// do not name the item come without their arguments. After three seconds
	// it returns what it has found by then.
	Provenance(ctx context.Context, items []string) ([]Provenance, error)
}

// Runner runs programs. It is for what no typed call can do.
type Runner interface {
	// Run runs a program by its argument list, which no shell reads. An exit
	// status other than 0 is an *ExitError.
	Run(ctx context.Context, argv []string, stdin []byte) ([]byte, error)
}

// Facts is what a machine is.
type Facts struct {
	Hostname    string    `json:"hostname"`
	Arch        string    `json:"arch"` // as GOARCH: amd64, arm64
	OS          string    `json:"os"`   // ID and VERSION_ID of os-release: "debian 12"
	Kernel      string    `json:"kernel"`
	MachineID   string    `json:"machine_id"`
	BootID      string    `json:"boot_id"`
	ProductUUID string    `json:"product_uuid,omitempty"`
	Virt        string    `json:"virt,omitempty"` // "docker", "kvm" as systemd-detect-virt says; "" on metal
	Root        bool      `json:"root"`           // effective uid 0
	Systemd     string    `json:"systemd"`        // version; "" where systemd is not process 1
	CgroupV2    bool      `json:"cgroup_v2"`
	CPUs        int       `json:"cpus"`
	Memory      int64     `json:"memory"` // bytes
	Swaps       []string  `json:"swaps,omitempty"`
	Now         time.Time `json:"now"`
	Disks       []Disk    `json:"disks,omitempty"` // file systems of /, of /var and of mounts below /var
	Resolvers   []string  `json:"resolvers,omitempty"`
	ResolvConf  string    `json:"resolv_conf"` // the file for a kubelet: systemd-resolved's upstream file where systemd-resolved runs
}

// Disk is the file system of a directory.
type Disk struct {
	Path string `json:"path"`
	Free int64  `json:"free"` // bytes, for root
	Size int64  `json:"size"` // bytes
	Type string `json:"type"` // "ext4"
}

// User is an account of the system.
type User struct {
	Name   string `json:"name"`
	Exists bool   `json:"exists"`
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
}

// Program is a program in the search path.
type Program struct {
	Name string `json:"name"`
	Path string `json:"path"` // "" where it is missing
}

// An ExitError is a program that ran and failed.
type ExitError struct {
	Argv   []string `json:"argv"`
	Status int      `json:"status"`
	Stderr string   `json:"stderr"`
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s: exit status %d: %s", strings.Join(e.Argv, " "), e.Status, strings.TrimSpace(e.Stderr))
}

// Provenance is what a host knows of the last change of an item.
type Provenance struct {
	Item    string    `json:"item"`
	Changed time.Time `json:"changed,omitzero"`  // time of the last change; for a deleted path that of its directory; zero if unknown
	Owner   string    `json:"owner,omitempty"`   // owner of the file
	Package string    `json:"package,omitempty"` // package that the path belongs to
	Traces  []Trace   `json:"traces,omitempty"`  // log lines from then, oldest first
}

// Trace is a line of a log that may explain a change.
type Trace struct {
	Time   time.Time `json:"time"`
	Source string    `json:"source"`          // sudo, sshd, apt, dpkg, dnf
	Who    string    `json:"who,omitempty"`   // the user
	What   string    `json:"what"`            // a command, an address, a package
	Names  bool      `json:"names,omitempty"` // it names the item itself
}
