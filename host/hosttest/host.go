package hosttest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"maps"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

var _ host.Host = (*Host)(nil)

// A Host is a connection to a machine in memory. It is safe for concurrent
// use.
type Host struct {
	*machine
	admin   bool     // faults and logs do not concern it
	session *Session // nil if there is no session: all changes are allowed
}

// machine is the state that all connections share.
type machine struct {
	name    string
	cluster *Cluster

	mu       sync.Mutex
	tree     tree
	facts    host.Facts
	skew     time.Duration
	clock    time.Time // the time of files and units; every change advances it by 2 s
	network  host.Network
	sysctls  map[string]string
	features map[string]host.KernelFeature
	users    map[string]account
	groups   map[string]int
	units    map[string]*unit
	nextPID  int
	foreign  []host.Socket // sockets of processes without a unit
	images   map[string]bool
	archives map[string][]string // names in an image archive, by SHA-256
	programs map[string]Program
	hooks    map[string]func(*Host) error
	failing  map[string]failure
	pushed   string // state that the cluster last got
	moved    bool   // the state for the cluster may have changed
	outdated bool   // a unit was enabled or disabled since systemd was reloaded
	boots    int
	kernel   kernel // its state after a boot

	lock     lock
	faults   faults
	latency  time.Duration
	log      []Entry
	reads    int
	probes   probes
	readings readings
	remains  remains
}

// New makes a bare host. Hosts with different names have different machine
// ids and addresses.
func New(name string, opts ...Option) *Host {
	id := sha256.Sum256([]byte("machine " + name))
	boot := hex.EncodeToString(id[16:])
	m := &machine{
		name: name,
		tree: tree{base: bare()},
		facts: host.Facts{
			Hostname: name, Arch: "amd64", OS: "debian 12", Kernel: "6.1.0-28-amd64",
			MachineID:   hex.EncodeToString(id[:16]),
			BootID:      fmt.Sprintf("%s-%s-%s-%s-%s", boot[:8], boot[8:12], boot[12:16], boot[16:20], boot[20:32]),
			ProductUUID: fmt.Sprintf("%x-%x-%x-%x-%x", id[4:8], id[8:10], id[10:12], id[12:14], id[14:20]),
			Root:        true, Systemd: "252", CgroupV2: true, CPUs: 4, Memory: 8 << 30,
			Disks: []host.Disk{
				{Path: "/", Free: 40 << 30, Size: 50 << 30, Type: "ext4"},
				{Path: "/var", Free: 40 << 30, Size: 50 << 30, Type: "ext4"},
			},
			Resolvers: []string{"192.0.2.1"}, ResolvConf: "/etc/resolv.conf",
		},
		clock:    time.Now().Add(-24 * time.Hour).Truncate(time.Second),
		sysctls:  bareSysctls(),
		features: bareFeatures(),
		users:    map[string]account{"root": {}, "daemon": {uid: 1, gid: 1}, "www-data": {uid: 33, gid: 33}, "nobody": {uid: 65534, gid: 65534}, "messagebus": {uid: 100, gid: 107}},
		groups:   map[string]int{"root": 0, "daemon": 1, "adm": 4, "tty": 5, "disk": 6, "shadow": 42, "www-data": 33, "nogroup": 65534, "messagebus": 107, "systemd-journal": 999},
		units:    map[string]*unit{},
		nextPID:  400,
		images:   map[string]bool{},
		archives: map[string][]string{},
		programs: barePrograms(),
		hooks:    map[string]func(*Host) error{},
		failing:  map[string]failure{},
	}
	m.network = networkOf(defaultAddress(name))
	h := &Host{machine: m}
	NewCluster(h)
	for _, o := range opts {
		o(h.Admin())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kernel = kernel{maps.Clone(m.sysctls), maps.Clone(m.features)}
	m.moved = true
	m.push()
	return h
}

func defaultAddress(name string) string {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	return fmt.Sprintf("192.0.2.%d/24", 10+sum.Sum32()%200)
}

func (h *Host) Name() string { return h.name }

// Admin returns the same machine as seen from its console: calls are not
// logged or counted, and faults do not affect them.
func (h *Host) Admin() *Host { return &Host{machine: h.machine, admin: true} }

// read runs f, which changes nothing, while the machine is locked.
func (h *Host) read(ctx context.Context, method, item string, f func() error) error {
	if err := h.travel(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.admin {
		return f()
	}
	if err := h.reachable(method, item); err != nil {
		return err
	}
	h.reads++
	return f()
}

// change runs f while the machine is locked, one tick after the last change.
func (h *Host) change(ctx context.Context, method, item string, f func() error) error {
	if err := h.travel(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.admin {
		if err := h.reachable(method, item); err != nil {
			return err
		}
		if h.faults.readOnly || h.session != nil && !h.session.armed {
			return host.ErrReadOnly
		}
	}
	h.tick()
	if err := f(); err != nil {
		return err
	}
	h.push()
	if h.admin {
		return nil
	}
	h.log = append(h.log, Entry{method, item})
	return h.faults.count()
}

// reachable returns the error of a call that does not arrive.
func (h *Host) reachable(method, item string) error {
	if h.session != nil && h.session.closed {
		return host.ErrLost
	}
	return h.faults.strikes(method, item)
}

// travel takes the time to the host and back.
func (h *Host) travel(ctx context.Context) error {
	h.mu.Lock()
	latency := h.latency
	h.mu.Unlock()
	if latency == 0 || h.admin {
		return ctx.Err()
	}
	t := time.NewTimer(latency)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// SetBack sets the clock of files and units back.
func (h *Host) SetBack(by time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.Add(-by)
}

func (m *machine) tick() { m.clock = m.clock.Add(2 * time.Second) }

// now returns the time of day on the host.
func (m *machine) now() time.Time { return time.Now().Add(m.skew) }
