package removal

import (
	"path"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// A Place is a directory, or a file, in which a component writes by itself.
type Place struct {
	Path   string
	Prefix string // only what is called so in it; "" is all of it
	Who    string // writes there
	What   string
	Empty  bool // what others put in it is theirs: it goes only without files
}

// Places are all of them; docs/removal.md has the same table.
var Places = []Place{
	{Path: "/etc/cni/net.d/10-flannel.conflist", Who: "flanneld's unit", What: "CNI configuration"},
	{Path: "/opt/containerd", Who: "containerd", What: "an empty place for its plugins", Empty: true},
	{Path: "/run/containerd", Who: "containerd", What: "sockets, state of running containers"},
	{Path: "/run/flannel", Who: "flanneld", What: "the host's subnet"},
	{Path: netns, Prefix: "cni-", Who: "containerd", What: "network namespaces of pods"},
	{Path: "/run/nri", Who: "containerd", What: "a socket for its plugins"},
	{Path: "/usr/libexec/kubernetes", Who: "kubelet", What: "an empty place for volume plugins", Empty: true},
	{Path: "/var/lib/cni", Who: "CNI plugins", What: "addresses of pods"},
	{Path: "/var/lib/containerd", Who: "containerd", What: "images, containers"},
	{Path: "/var/lib/etcd", Prefix: "member", Who: "etcd", What: "the cluster's data"},
	{Path: "/var/lib/kubelet", Who: "kubelet", What: "pods' volumes, certificates, checkpoints"},
	{Path: "/var/log/containers", Who: "kubelet", What: "links to the logs of containers"},
	{Path: "/var/log/pods", Who: "kubelet", What: "logs of containers"},
}

// Empty is the original of a setting that had no value.
const Empty = "(empty)"

// original is what a setting was.
func original(o Owned) string {
	if o.Original == Empty {
		return ""
	}
	return o.Original
}

// A Setting is a sysctl that a component sets by itself.
type Setting struct {
	Name  string
	Value string // that it sets; "" is one that depends on the host
	Who   string
}

// Settings are all of them; docs/removal.md has the same table.
var Settings = []Setting{
	{"kernel.keys.root_maxbytes", "25000000", "kubelet"},
	{"kernel.keys.root_maxkeys", "1000000", "kubelet"},
	{"kernel.panic", "10", "kubelet"},
	{"kernel.panic_on_oops", "1", "kubelet"},
	{"net.ipv4.conf.all.route_localnet", "1", "kube-proxy"},
	{"net.netfilter.nf_conntrack_max", "", "kube-proxy"},
	{"net.netfilter.nf_conntrack_tcp_timeout_close_wait", "3600", "kube-proxy"},
	{"net.netfilter.nf_conntrack_tcp_timeout_established", "86400", "kube-proxy"},
	{"vm.overcommit_memory", "1", "kubelet"},
	{"vm.panic_on_oom", "0", "kubelet"},
}

// SettingNames are their names.
func SettingNames() []string {
	var names []string
	for _, s := range Settings {
		names = append(names, s.Name)
	}
	return names
}

// PlaceQueries ask which places are there already, before anything is
// installed. Stood takes the answers.
func PlaceQueries() []host.FileQuery {
	var q []host.FileQuery
	for _, p := range Places {
		q = append(q, host.FileQuery{Path: p.Path, List: true})
	}
	return q
}

// Stood are the places that were there, each with the names in it. What is
// among these is not removed.
func Stood(files []host.File) map[string][]string {
	var stood map[string][]string
	for _, f := range files {
		if f.Type == host.Absent {
			continue
		}
		if stood == nil {
			stood = map[string][]string{}
		}
		stood[f.Path] = append([]string{}, f.Entries...)
	}
	return stood
}

// A remainder is what is to be removed of a place.
type remainder struct {
	Place
	whole bool     // the place itself goes
	names []string // in it, if not
}

// remainder is what there is of a place that was not there before.
func (p Place) remainder(have host.File, before []string, existed bool) (remainder, bool) {
	r := remainder{Place: p, whole: !existed && p.Prefix == ""}
	switch {
	case have.Type == host.Absent:
		return r, false
	case r.whole:
		return r, true
	case have.Type != host.Dir:
		return r, false // it was there before
	}
	for _, name := range have.Entries {
		if strings.HasPrefix(name, p.Prefix) && !slices.Contains(before, name) {
			r.names = append(r.names, name)
		}
	}
	// A directory for ours alone goes with the last of them.
	if p.Prefix != "" && !existed && len(r.names) == len(have.Entries) {
		r.whole, r.names = true, nil
	}
	return r, r.whole || len(r.names) > 0
}

// paths are what is to be removed.
func (r remainder) paths() []string {
	if r.whole {
		return []string{r.Path}
	}
	var list []string
	for _, n := range r.names {
		list = append(list, path.Join(r.Path, n))
	}
	return list
}

// isBelow tells if a path is another or lies below it.
func isBelow(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
