package hostcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Probe is the checks of one host: what the components need and it
// lacks, and what is there that must not be.
type Probe struct {
	Name         string
	Cluster      string   // its name
	ClusterID    string   // as the records of the hosts have it
	Backend      string   // of flannel: udp, vxlan, host-gw, wireguard
	ProxyMode    string   // of kube-proxy: "" is iptables
	Features     []string // that the kernel must have, as host.Reader names them
	FailSwapOn   bool     // as the kubelet is configured
	FailCgroupV1 bool
	MinFreeDisk  int64            // bytes, on each disk that the components write to; 0 asks for none
	MinMemory    int64            // bytes
	Levels       preflight.Levels // of checks, as the spec has them

	PodCIDR, ServiceCIDR netip.Prefix // the zero ones are not looked at
	Members              []string     // internal addresses of all hosts
	ControlPlane         bool
	Endpoint             string // of the API server, if it is a name
	ResolvConf           string // that the kubelet is told to use; "" leaves it to the host
	EtcdData             string // the directory; "" where there is no etcd
	EtcdMetrics          string // URL of a running etcd's
}

// What is read of a host.
const (
	recordPath  = "/var/lib/pmkctl/record.json"
	kubeletUnit = "kubelet.service"
	runtimeUnit = "containerd.service"
	etcdUnit    = "etcd.service"
	unitDir     = "/etc/systemd/system/"
	manifests   = "/etc/kubernetes/manifests"
)

// marker stands in every unit file that pmkctl writes.
const marker = "\nX-Pmkctl-Inputs="

// What other installers leave behind.
var (
	foreignUnits = []string{"k3s.service", "k3s-agent.service", "rke2-server.service", "rke2-agent.service",
		"k0scontroller.service", "k0sworker.service", "snap.microk8s.daemon-kubelite.service"}
	foreignFiles = []string{"/etc/kubernetes/kubelet.conf", "/etc/kubernetes/admin.conf", "/etc/rancher/k3s", "/etc/rancher/rke2"}
	otherUnits   = []string{kubeletUnit, runtimeUnit, etcdUnit, dockerUnit, firewalldUnit}
)

// seen is what was read.
type seen struct {
	facts    host.Facts
	files    map[string]host.File
	units    map[string]host.Unit
	blind    error // of the units
	features []host.KernelFeature
	programs []host.Program
	network  host.Network
	chains   []host.Chain
	endpoint host.Resolved
	syncs    []time.Duration // of etcd's disk before there is an etcd
	metrics  []byte          // of the running one
	record   *record
	broken   error // of the record
}

// record is as much of package state's as matters here.
type record struct {
	Cluster struct{ ID, Name string } `json:"cluster"`
	Owns    map[string]any            `json:"owns"`
}

// Check reads everything at once and compares. It changes nothing.
func (p Probe) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	s, err := p.read(ctx, h)
	if err != nil {
		return nil, err
	}
	fs := p.judge(s)
	p.Levels.Apply(fs)
	return preflight.Diff(fs), nil
}

// read asks for all at once. Only etcd's disk waits for an answer: whether
// an etcd uses it.
func (p Probe) read(ctx context.Context, h host.Host) (*seen, error) {
	s := &seen{files: map[string]host.File{}, units: map[string]host.Unit{}}
	g, ctx := errgroup.WithContext(ctx)
	filesRead, unitsRead := make(chan struct{}), make(chan struct{})
	g.Go(func() (err error) { s.facts, err = h.Facts(ctx); return err })
	g.Go(func() (err error) { s.features, err = h.KernelFeatures(ctx, p.Features); return err })
	g.Go(func() (err error) { s.programs, err = h.Programs(ctx, append(p.programs(), loader)); return err })
	g.Go(func() (err error) { s.network, err = h.Network(ctx); return err })
	g.Go(func() (err error) { s.chains, err = h.Firewall(ctx); return optional(err) })
	g.Go(func() error {
		defer close(filesRead)
		files, err := h.Files(ctx, p.queries())
		for _, f := range files {
			s.files[f.Path] = f
		}
		return err
	})
	g.Go(func() error {
		defer close(unitsRead)
		units, err := h.Units(ctx, slices.Concat(otherUnits, foreignUnits))
		for _, u := range units {
			s.units[u.Name] = u
		}
		s.blind = err
		return optional(err)
	})
	if p.Endpoint != "" {
		g.Go(func() error {
			r, err := h.Lookup(ctx, []string{p.Endpoint})
			if len(r) > 0 {
				s.endpoint = r[0]
			}
			return err
		})
	}
	if p.EtcdData != "" {
		g.Go(func() error {
			<-filesRead
			<-unitsRead
			return p.readDisk(ctx, h, s)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if s.blind != nil && s.facts.Systemd != "" {
		return nil, s.blind // no systemd at all is a finding
	}
	if f := s.files[recordPath]; f.Type == host.Regular {
		s.record = &record{}
		s.broken = json.Unmarshal(f.Content, s.record)
	}
	return s, nil
}

// optional forgives what the host cannot tell.
func optional(err error) error {
	if errors.Is(err, host.ErrUnavailable) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// queries are the files to look at.
func (p Probe) queries() []host.FileQuery {
	q := []host.FileQuery{{Path: manifests, List: true}, {Path: cniDir, List: true}, {Path: tunPath}, {Path: p.resolvConf()}}
	if p.EtcdData != "" {
		q = append(q, host.FileQuery{Path: memberDir(p.EtcdData)})
	}
	for _, f := range []string{recordPath, unitDir + kubeletUnit, unitDir + runtimeUnit, subnetEnv, netConf, ufwConf} {
		q = append(q, host.FileQuery{Path: f, Content: true})
	}
	for _, f := range foreignFiles {
		q = append(q, host.FileQuery{Path: f})
	}
	return q
}

// loader loads kernel modules.
const loader = "modprobe"

// programs are those that the components run.
func (p Probe) programs() []string {
	list := []string{"mount", "ip", "nsenter", "iptables"}
	if p.ProxyMode == "nftables" {
		list = append(list, "nft")
	}
	return list
}

func (p Probe) judge(s *seen) []preflight.Finding {
	return slices.Concat(p.machine(s), p.kernel(s), p.room(s), p.others(s),
		p.disk(s), p.cni(s), p.leftovers(s), p.routes(s), p.firewall(s), p.resolver(s), p.runtime(s), p.endpoint(s))
}

// machine is what the host is.
func (p Probe) machine(s *seen) (out []preflight.Finding) {
	add := func(id, found, expected string) { out = append(out, preflight.NewFinding(id, p.Name, found, expected)) }
	f := s.facts
	if p.Backend == "udp" && f.Arch != "amd64" {
		add(preflight.Arch, "the processor is "+f.Arch, "amd64 for the udp backend")
	}
	if f.Systemd == "" {
		add(preflight.Systemd, "systemd is not process 1", "systemd")
	}
	if !f.Root {
		add(preflight.Root, "the agent does not run as root", "root")
	}
	if !f.CgroupV2 {
		add(preflight.Cgroups, "the host has cgroup v1", "cgroup v2")
		if !p.FailCgroupV1 {
			out[len(out)-1].Level = change.Warning
		}
	}
	if len(f.Swaps) > 0 && p.FailSwapOn {
		add(preflight.Swap, "swap is on: "+strings.Join(f.Swaps, ", "), "no swap")
	}
	return out
}

// kernel is what the kernel and the programs can do.
func (p Probe) kernel(s *seen) (out []preflight.Finding) {
	var missing []string
	loads := false
	for _, f := range s.features {
		loads = loads || !f.Present && f.Loadable
		switch {
		case !f.Present && !f.Loadable:
			missing = append(missing, f.Name)
		case f.Name == "tun" && f.Present && s.files[tunPath].Type == host.Absent:
			missing = append(missing, tunPath)
		}
	}
	if len(missing) > 0 {
		out = append(out, preflight.NewFinding(preflight.Kernel, p.Name, fmt.Sprintf("the kernel %s lacks %s", s.facts.Kernel, strings.Join(missing, ", ")), strings.Join(p.Features, ", ")))
	}
	switch {
	case olderThan(s.facts.Kernel, 4, 19):
		out = append(out, preflight.NewFinding(preflight.KernelVersion, p.Name, "the kernel is "+s.facts.Kernel, "4.19 or newer"))
	case p.ProxyMode == "nftables" && olderThan(s.facts.Kernel, 5, 13):
		out = append(out, preflight.NewFinding(preflight.KernelVersion, p.Name, "the kernel is "+s.facts.Kernel, "5.13 or newer for kube-proxy's nftables mode"))
	}
	missing = nil
	wanted := p.programs()
	if loads {
		wanted = append(wanted, loader)
	}
	for _, f := range s.programs {
		if f.Path == "" && slices.Contains(wanted, f.Name) {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		out = append(out, preflight.NewFinding(preflight.Programs, p.Name, "missing: "+strings.Join(missing, ", "), strings.Join(wanted, ", ")))
	}
	return out
}

// olderThan compares a kernel's release with a version. What cannot be read
// is not older.
func olderThan(release string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(release, "%d.%d", &a, &b); n < 2 {
		return false
	}
	return a < major || a == major && b < minor
}

// room is disk and memory. A member that runs already is warned only: its
// apply may be what mends it.
func (p Probe) room(s *seen) (out []preflight.Finding) {
	add := func(id, found, expected string) {
		f := preflight.NewFinding(id, p.Name, found, expected)
		if p.member(s) {
			f.Level = change.Warning
		}
		out = append(out, f)
	}
	var said []host.Disk
	for _, need := range p.space() {
		d, ok := diskOf(s.facts.Disks, need.dir)
		if !ok || d.Free >= need.bytes || slices.ContainsFunc(said, func(o host.Disk) bool { return o.Free == d.Free && o.Size == d.Size }) {
			continue // or it is one that was named, mounted twice
		}
		said = append(said, d)
		add(preflight.Disk, fmt.Sprintf("%s has %s free", d.Path, bytesText(d.Free)), "at least "+bytesText(need.bytes))
	}
	if m := s.facts.Memory; m > 0 && m < p.MinMemory {
		add(preflight.Memory, "the host has "+bytesText(m)+" of memory", "at least "+bytesText(p.MinMemory))
	}
	return out
}

// A space is how much a directory needs.
type space struct {
	dir   string
	bytes int64
}

// programSpace is what the components' programs take, and as much again
// while they are replaced.
const programSpace = 1 << 30

func (p Probe) space() []space {
	list := []space{{"/var/lib/kubelet", p.MinFreeDisk}, {"/var/lib/containerd", p.MinFreeDisk}}
	if strings.HasPrefix(p.EtcdData, "/var/") { // no other disks are told
		list = append(list, space{p.EtcdData, p.MinFreeDisk})
	}
	return append(list, space{"/usr/local/bin", min(p.MinFreeDisk, programSpace)})
}

// diskOf is the file system that holds a directory.
func diskOf(disks []host.Disk, dir string) (best host.Disk, ok bool) {
	for _, d := range disks {
		if (d.Path == "/" || dir == d.Path || strings.HasPrefix(dir, d.Path+"/")) && len(d.Path) >= len(best.Path) {
			best, ok = d, true
		}
	}
	return best, ok
}

func bytesText(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// member tells if the host is in this cluster already.
func (p Probe) member(s *seen) bool {
	return s.record != nil && s.broken == nil && s.record.Cluster.Name == p.Cluster && s.record.Cluster.ID == p.ClusterID
}

// others is what somebody else installed.
func (p Probe) others(s *seen) (out []preflight.Finding) {
	add := func(id, found, expected string) { out = append(out, preflight.NewFinding(id, p.Name, found, expected)) }
	switch c := s.record; {
	case c == nil || s.broken == nil && c.Cluster.ID == "" || p.member(s): // without an id a run was cut off before it made a member
	case s.broken != nil:
		add(preflight.OtherCluster, fmt.Sprintf("%s cannot be read: %v", recordPath, s.broken), "")
	case c.Cluster.Name != p.Cluster:
		add(preflight.OtherCluster, fmt.Sprintf("the host belongs to the cluster %q", c.Cluster.Name), fmt.Sprintf("%q, or none", p.Cluster))
	default:
		add(preflight.OtherCluster, fmt.Sprintf("the host belongs to another cluster of the name %q, with the id %s", c.Cluster.Name, c.Cluster.ID), "the id "+p.ClusterID)
	}
	if u := s.units[kubeletUnit]; !gone(u) && !p.ours(s, u) {
		add(preflight.ForeignKubelet, fmt.Sprintf("%s is there (%s, %s)", kubeletUnit, u.Path, u.Active), "none, or pmkctl's own")
	}
	if found := p.foreign(s); len(found) > 0 {
		add(preflight.ForeignInstall, "found "+strings.Join(found, ", "), "none")
	}
	return out
}

func gone(u host.Unit) bool { return u.Load == "" || u.Load == "not-found" }

// ours tells if pmkctl wrote a unit.
func (p Probe) ours(s *seen, u host.Unit) bool {
	path := unitDir + u.Name
	if u.Path != path {
		return false
	}
	if p.member(s) && s.record.Owns[path] != nil {
		return true
	}
	return strings.Contains(string(s.files[path].Content), marker)
}

// foreign lists what other installers left. Members may use static pods of
// their own, and have an etcd's data.
func (p Probe) foreign(s *seen) (found []string) {
	member := p.member(s)
	for _, name := range foreignUnits {
		if !gone(s.units[name]) {
			found = append(found, name)
		}
	}
	for _, path := range foreignFiles {
		if s.files[path].Type != host.Absent {
			found = append(found, path)
		}
	}
	if m := s.files[manifests]; !member && len(m.Entries) > 0 {
		found = append(found, fmt.Sprintf("%s (%s)", manifests, strings.Join(m.Entries, ", ")))
	}
	if dir := memberDir(p.EtcdData); !member && p.EtcdData != "" && s.files[dir].Type != host.Absent {
		found = append(found, dir)
	}
	return found
}
