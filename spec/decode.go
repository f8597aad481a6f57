package spec

import (
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// decoded is a cluster with the source ranges that checks and later diagnostics
// point at.
type decoded struct {
	Cluster
	cluster, api, network, preflight *node

	hosts   []*decodedHost
	digests map[string]hcl.Range // of components, by name
	partial bool                 // a block is missing because of its mistakes
}

type decodedHost struct {
	*Host
	named, addressed hcl.Range
}

// collect finds variables and locals, and checks the shape of all blocks.
func (l *loader) collect() {
	for _, b := range l.blocks {
		switch b.Type {
		case "variable":
			l.collectVariable(b)
		case "locals":
			l.collectLocals(b)
		}
	}
	all := append([]*block{variableBlock}, blocks...)
	seen := map[string]hcl.Range{}
	for _, b := range l.blocks {
		if b.Type != "locals" {
			l.collectBlock(b, find(all, b.Type), seen)
		}
	}
}

func (l *loader) collectBlock(b *hclsyntax.Block, t *block, seen map[string]hcl.Range) {
	if t == nil {
		l.add(unknownTop(b))
		return
	}
	if first, ok := seen[b.Type]; ok && !t.Repeat {
		l.add(problem(b.DefRange(), "Duplicate block", "There is %s block at %s already. Write both into one.", an(b.Type), place(first)))
	}
	seen[b.Type] = b.DefRange()
	l.checkShape(b, t, false)
}

func unknownTop(b *hclsyntax.Block) *hcl.Diagnostic {
	names := []string{"variable", "locals"}
	for _, t := range blocks {
		names = append(names, t.Name)
	}
	return problem(b.TypeRange, "Unknown block", "A spec has no block %q.%s", b.Type, suggest(b.Type, names))
}

// all returns the blocks of a type, in the order of the files.
func (l *loader) all(t *block) []*hclsyntax.Block {
	var out []*hclsyntax.Block
	for _, b := range l.blocks {
		if b.Type == t.Name {
			out = append(out, b)
		}
	}
	return out
}

// single returns the only block of a type, or its defaults if there is none.
func (l *loader) single(name string, at hcl.Range) *node {
	t := find(blocks, name)
	if bs := l.all(t); len(bs) > 0 {
		return l.node(bs[0], t, l.root)
	}
	return bare(t, at)
}

// decodeCluster turns the blocks into structs, as far as they are valid.
func (l *loader) decodeCluster() *decoded {
	d := &decoded{partial: l.partial}
	at := l.blocks[0].DefRange()
	if bs := l.all(clusterBlock); len(bs) > 0 {
		at = bs[0].DefRange()
	} else if !l.partial {
		l.add(problem(at, "No cluster block", "A spec needs one: cluster \"lab\" { kubernetes_version = \"1.%d.3\" }.", maxMinor))
	}
	d.cluster, d.api, d.network = l.single("cluster", at), l.single("api", at), l.single("network", at)
	l.decodeBasics(d)
	l.decodeHosts(d)
	l.decodeRemoved(d)
	l.decodeParts(d)
	d.preflight = l.single("preflight", at)
	d.Policies = l.decodePolicies()
	d.Settings, d.Preflight = l.decodeSettings(at), decodePreflight(d.preflight)
	d.fillEndpoint()
	d.ranges = d.immutable()
	return d
}

func (l *loader) decodeBasics(d *decoded) {
	c := d.cluster
	if c.label != "" {
		l.checkName(c.label, c.named)
	}
	d.Name, d.Version, d.Domain, d.MaxUnavailable, d.Range = c.label, c.str("kubernetes_version"), c.str("domain"), c.int("max_unavailable"), c.rng
	d.DrainTimeout = c.duration("drain_timeout")
	d.PodCIDR, d.ServiceCIDR = c.prefix("pod_cidr"), c.prefix("service_cidr")
	d.API = API{Endpoint: d.api.str("endpoint"), Port: d.api.int("port"), ExtraSANs: d.api.strs("extra_sans"), Range: d.api.rng}
	d.Network = l.decodeNetwork(d.network)
}

func (l *loader) checkName(name string, at hcl.Range) bool {
	err := nodeName.Check(cty.StringVal(name))
	if err != nil {
		l.add(problem(at, nodeName.Summary, "%s", err))
	}
	return err == nil
}

var backendPorts = map[string]int{"udp": 8285, "vxlan": 8472, "wireguard": 51820}

func (l *loader) decodeNetwork(n *node) Network {
	if n.label != "" && n.label != "flannel" {
		l.add(problem(n.named, "Unknown network", "There is no network %q; write network \"flannel\".", n.label))
	}
	out := Network{Backend: n.str("backend"), Port: n.int("port"), Range: n.rng}
	if out.Port == 0 {
		out.Port = backendPorts[out.Backend]
	} else if out.Backend == "host-gw" {
		l.add(problem(n.attrs["port"].at, "Port without use", "The backend host-gw has no port. Remove this line."))
	}
	return out
}

// fillEndpoint sets the default of the endpoint: the address of the first
// control-plane host.
func (d *decoded) fillEndpoint() {
	for _, h := range d.Hosts {
		if d.API.Endpoint == "" && h.Has(ControlPlane) && h.Address.IsValid() {
			d.API.Endpoint = h.Address.String()
		}
	}
}

func decodePreflight(n *node) Preflight {
	disk, _ := parseSize(n.str("min_free_disk"))
	memory, _ := parseSize(n.str("min_memory"))
	return Preflight{
		Levels: decodeLevels(n), ClockSkew: n.duration("clock_skew"), DialTimeout: n.duration("dial_timeout"),
		MinFreeDisk: disk, MinMemory: memory,
	}
}

// The getters return zero for attributes that are missing or wrong.

func (n *node) ok(name string) bool {
	v, there := n.attrs[name]
	return there && v.IsKnown() && !v.IsNull()
}

func (n *node) str(name string) string {
	if !n.ok(name) {
		return ""
	}
	v, _ := n.attrs[name].Unmark()
	return v.AsString()
}

func (n *node) int(name string) int {
	if !n.ok(name) {
		return 0
	}
	i, _ := n.attrs[name].AsBigFloat().Int64()
	return int(i)
}

func (n *node) strs(name string) []string {
	var out []string
	if n.ok(name) {
		for it := n.attrs[name].ElementIterator(); it.Next(); {
			_, v := it.Element()
			out = append(out, v.AsString())
		}
	}
	return out
}

func (n *node) strMap(name string) map[string]string {
	out := map[string]string{}
	if n.ok(name) {
		for k, v := range n.attrs[name].AsValueMap() {
			out[k] = v.AsString()
		}
	}
	return out
}

func (n *node) boolMap(name string) map[string]bool {
	out := map[string]bool{}
	if n.ok(name) {
		for k, v := range n.attrs[name].AsValueMap() {
			out[k] = v.True()
		}
	}
	return out
}

func (n *node) prefix(name string) netip.Prefix {
	p, err := netip.ParsePrefix(n.str(name))
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

func (n *node) duration(name string) time.Duration {
	d, err := time.ParseDuration(n.str(name))
	if err != nil {
		return 0
	}
	return d
}

// block returns the only block of a type; nil if there is none.
func (n *node) block(name string) *node {
	if bs := n.blocks[name]; len(bs) > 0 {
		return bs[0]
	}
	return nil
}

// digest returns a digest in lower case.
func (n *node) digest(name string) string { return strings.ToLower(n.str(name)) }
