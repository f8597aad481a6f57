package hostcheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// room judges free disk and memory. A member only gets warnings, because the
// apply may be what frees space on it.
func (p Probe) room(s *seen) (out []preflight.Finding) {
	add := func(id, found, expected string) {
		f := preflight.NewFinding(id, p.Name, found, expected)
		if p.member(s) {
			f.Level = preflight.Warning
		}
		out = append(out, f)
	}
	var said []host.Disk
	for _, need := range p.space() {
		d, ok := diskOf(s.facts.Disks, need.dir)
		if !ok || d.Free >= need.bytes || slices.ContainsFunc(said, func(o host.Disk) bool { return o.Free == d.Free && o.Size == d.Size }) {
			continue // the last case: a named disk that is mounted twice
		}
		said = append(said, d)
		add(preflight.Disk, fmt.Sprintf("%s has %s free", d.Path, bytesText(d.Free)), "at least "+bytesText(need.bytes))
	}
	if m := s.facts.Memory; m > 0 && m < p.MinMemory {
		add(preflight.Memory, "the host has "+bytesText(m)+" of memory", "at least "+bytesText(p.MinMemory))
	}
	return out
}

// A space is how much free disk a directory needs.
type space struct {
	dir   string
	bytes int64
}

// programSpace is what the components' programs take, twice: while they are
// replaced, both versions are on the disk.
const programSpace = 1 << 30

func (p Probe) space() []space {
	list := []space{{"/var/lib/kubelet", p.MinFreeDisk}, {"/var/lib/containerd", p.MinFreeDisk}}
	if strings.HasPrefix(p.EtcdData, "/var/") { // host.Facts has no other disks
		list = append(list, space{p.EtcdData, p.MinFreeDisk})
	}
	return append(list, space{"/usr/local/bin", min(p.MinFreeDisk, programSpace)})
}

// diskOf returns the file system that holds a directory.
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
