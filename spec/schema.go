package spec

import (
	"slices"

	"github.com/zclconf/go-cty/cty"
)

// A block describes a type of block. These tables are all that a spec may
// contain; docs/spec.md is written from them.
type block struct {
	Name    string
	Label   string // meaning of its label; "" for none
	Repeat  bool   // may occur more than once
	ForEach bool   // may be repeated by for_each
	Attrs   []attr
	Blocks  []*block
	Doc     string
}

// An attr is an attribute of a block.
type attr struct {
	Name     string
	Type     cty.Type
	Required bool
	Default  cty.Value // cty.NilVal for none
	InWords  string    // describes a default that is computed
	Secret   bool      // takes sensitive values
	OfPlan   bool      // an expression that uses plan and time
	Rule     *rule
	Doc      string
}

var (
	strs    = cty.List(cty.String)
	strMap  = cty.Map(cty.String)
	boolMap = cty.Map(cty.Bool)
	str     = cty.StringVal
)

func num(n int64) cty.Value { return cty.NumberIntVal(n) }

// blocks are the blocks at the top of a file, except variable and locals, which
// vars.go and locals.go read.
var blocks = slices.Concat(
	[]*block{clusterBlock, apiBlock, networkBlock, sshBlock("Defaults of how every host is reached.", true), hostBlock},
	settingsBlocks(),
	[]*block{componentBlock, imageBlock, preflightBlock, removedBlock, policyBlock},
)

var clusterBlock = &block{
	Name: "cluster", Label: "name of the cluster",
	Doc: "The cluster as a whole. Its name, kubernetes_version, pod_cidr, service_cidr and domain cannot change once it runs.",
	Attrs: []attr{
		{Name: "kubernetes_version", Type: cty.String, Required: true, Rule: kubernetesVersion, Doc: "Release of Kubernetes, 1.34 to 1.36, such as \"1.36.3\"."},
		{Name: "pod_cidr", Type: cty.String, Default: str("10.244.0.0/16"), Rule: cidr, Doc: "Addresses of pods; each host gets a /24 of it."},
		{Name: "service_cidr", Type: cty.String, Default: str("10.96.0.0/16"), Rule: cidr, Doc: "Addresses of Services; the tenth is the cluster's DNS."},
		{Name: "domain", Type: cty.String, Default: str("cluster.local"), Rule: dnsName, Doc: "Domain of Services' DNS names, and of the issuer of pods' tokens."},
		{Name: "drain_timeout", Type: cty.String, Default: str("5m"), Rule: duration, Doc: "How long the pods of a host that leaves may take to go."},
		{Name: "max_unavailable", Type: cty.Number, Default: num(1), Rule: positive, Doc: "Kubelets and containerds that may restart at a time on a live cluster."},
	},
}

var apiBlock = &block{
	Name: "api", Doc: "How the API server is reached.",
	Attrs: []attr{
		{Name: "endpoint", Type: cty.String, InWords: "address of the first control-plane host", Rule: hostOrIP, Doc: "Name or address without port."},
		{Name: "port", Type: cty.Number, Default: num(6443), Rule: port, Doc: "TCP port."},
		{Name: "extra_sans", Type: strs, Rule: hostsOrIPs, Doc: "Names and addresses that its certificate holds beside those it needs."},
	},
}

var networkBlock = &block{
	Name: "network", Label: "\"flannel\"", Doc: "The pod network.",
	Attrs: []attr{
		{Name: "backend", Type: cty.String, Default: str("vxlan"), Rule: enum("Unknown network backend", backends...), Doc: "How pods' packets travel between hosts: \"udp\", \"vxlan\", \"host-gw\" or \"wireguard\"."},
		{Name: "port", Type: cty.Number, InWords: "8285 for udp, 8472 for vxlan, 51820 for wireguard", Rule: port, Doc: "UDP port; host-gw has none."},
	},
}

var sshAttrs = []attr{
	{Name: "port", Type: cty.Number, InWords: "22", Rule: port, Doc: "TCP port of sshd."},
	{Name: "user", Type: cty.String, InWords: "\"root\"", Rule: userName, Doc: "User to log in as."},
	{Name: "identity_file", Type: cty.String, InWords: "what ssh-agent and ~/.ssh hold", Rule: filled, Doc: "Private key; `~/` is your home, other relative paths start from the spec's folder."},
	{Name: "agent", Type: cty.Bool, InWords: "true", Doc: "Ask ssh-agent for keys."},
	{Name: "known_hosts", Type: cty.String, InWords: "\"~/.ssh/known_hosts\"", Rule: filled, Doc: "File of known host keys; paths as for identity_file."},
	{Name: "host_key", Type: cty.String, Rule: hostKey, Doc: "The host's public key (\"ssh-ed25519 AAAA...\") or its fingerprint (\"SHA256:...\"); known_hosts is not read then."},
}

// sshBlock returns the ssh block at the top, or that of a host. The latter also
// has an address, and each of its attributes overrides the one at the top.
func sshBlock(doc string, top bool) *block {
	b := &block{Name: "ssh", Doc: doc, Blocks: []*block{bastionBlock}}
	if !top {
		b.Attrs = append(b.Attrs, attr{Name: "address", Type: cty.String, InWords: "the host's address", Rule: hostOrIP, Doc: "Name or address where its sshd is reached."})
	}
	b.Attrs = append(b.Attrs, sshAttrs...)
	b.Attrs = append(b.Attrs,
		attr{Name: "become", Type: cty.Bool, InWords: "true if user is not \"root\"", Doc: "Become root by sudo, or by sudo-rs."},
		attr{Name: "become_password", Type: cty.String, Secret: true, InWords: "none: sudo must not ask", Doc: "What sudo asks for (of sudo-rs from 0.2.5 on). The only attribute that takes a sensitive value."})
	return b
}

var bastionBlock = &block{
	Name: "bastion", Doc: "A host to connect through. What it leaves out is as in the ssh block around it, but for port and host_key.",
	Attrs: append([]attr{{Name: "address", Type: cty.String, Required: true, Rule: hostOrIP, Doc: "Name or address of the bastion."}}, sshAttrs...),
}

var hostBlock = &block{
	Name: "host", Label: "name of the host and of its Node", Repeat: true, ForEach: true,
	Doc: "A machine, or with for_each one for every key, which is its name then.",
	Attrs: []attr{
		{Name: "address", Type: cty.String, Required: true, Rule: address, Doc: "IPv4 address by which the other hosts reach it."},
		{Name: "roles", Type: strs, Default: cty.ListVal([]cty.Value{str("worker")}), Rule: roleNames, Doc: "What it does: \"control-plane\", \"etcd\", \"worker\". Only a worker runs pods of users. A live cluster gets no control-plane or etcd host more."},
		{Name: "labels", Type: strMap, Rule: nodeLabels, Doc: "Labels of its Node."},
	},
	Blocks: []*block{
		{Name: "taint", Repeat: true, Doc: "A taint of its Node.", Attrs: []attr{
			{Name: "key", Type: cty.String, Required: true, Rule: labelKey, Doc: "Key."},
			{Name: "value", Type: cty.String, Default: str(""), Rule: labelValue, Doc: "Value."},
			{Name: "effect", Type: cty.String, Required: true, Rule: enum("Unknown taint effect", effects...), Doc: "\"NoSchedule\", \"PreferNoSchedule\" or \"NoExecute\"."},
		}},
		sshBlock("How this host is reached; wins over the ssh block at the top, attribute by attribute.", false),
		settingsBlock("kubelet", "this host's /var/lib/kubelet/config.yaml, over the kubelet block at the top", configAttr, flagsAttr, gatesAttr),
	},
}

var removedBlock = &block{
	Name: "removed", Repeat: true,
	Doc: "A host that left the spec. A host whose block is deleted is removed from the cluster without this; it is for one that is dead, or reached in another way than it was.",
	Attrs: []attr{
		{Name: "host", Type: cty.String, Required: true, Rule: nodeName, Doc: "Name of the host."},
		{Name: "unreachable", Type: cty.Bool, InWords: "false", Doc: "It is dead: remove its Node and its etcd member, and leave its disk as it is."},
	},
	Blocks: []*block{sshBlock("How this host is reached, where that is not as it was; the ssh block at the top fills in the rest.", false)},
}

var componentBlock = &block{
	Name: "component", Label: "name of the program", Repeat: true, ForEach: true,
	Doc: "A program to install, or with for_each one for every key, which is its name then.",
	Attrs: []attr{
		{Name: "version", Type: cty.String, Default: str(""), Doc: "Its version, to be shown in plans."},
		{Name: "source", Type: cty.String, Required: true, Rule: source, Doc: "Where the file is: a path (relative to the spec's folder) or an https URL."},
		{Name: "sha256", Type: cty.String, Required: true, Rule: sha256, Doc: "Digest of the file, 64 hexadecimal digits. It cannot change on a live cluster."},
	},
}

var imageBlock = &block{
	Name: "image", Label: "key: \"pause\", \"coredns\" or your own", Repeat: true, ForEach: true,
	Doc: "A container image to import on every node, or with for_each one for every key.",
	Attrs: []attr{
		{Name: "name", Type: cty.String, Required: true, Rule: imageName, Doc: "Full name with tag, such as \"registry.k8s.io/pause:3.10.2\"."},
		{Name: "source", Type: cty.String, Required: true, Rule: source, Doc: "Where its OCI or Docker archive is: a path or an https URL."},
		{Name: "sha256", Type: cty.String, Required: true, Rule: sha256, Doc: "Digest of the archive, 64 hexadecimal digits."},
	},
}

var preflightBlock = &block{
	Name: "preflight", Doc: "What the checks before an apply ask for.",
	Attrs: []attr{
		{Name: "ignore", Type: strs, Rule: checkIDs, Doc: "Checks whose failure is shown but stops nothing, such as \"PF008\"; `pmkctl explain` lists them all."},
		{Name: "severity", Type: strMap, Rule: checkLevels, Doc: "Checks that are something else than `pmkctl explain` says, such as { PF004 = \"warning\" }: \"error\" stops an apply, \"warning\" does not."},
		{Name: "clock_skew", Type: cty.String, Default: str("2s"), Rule: duration, Doc: "The most that two hosts' clocks may differ."},
		{Name: "dial_timeout", Type: cty.String, Default: str("700ms"), Rule: duration, Doc: "How long to wait for an answer on each connection."},
		{Name: "min_free_disk", Type: cty.String, Default: str("2GiB"), Rule: size, Doc: "Free space that /var must have."},
		{Name: "min_memory", Type: cty.String, Default: str("1GiB"), Rule: size, Doc: "Memory that a host must have; a control-plane host 1.7GB at least."},
	},
}

var policyBlock = &block{
	Name: "policy", Label: "name of the policy", Repeat: true,
	Doc: "What a plan must be to be applied; see Policies below.",
	Attrs: []attr{
		{Name: "condition", Type: cty.Bool, Required: true, OfPlan: true, Doc: "An expression over plan and time that must be true."},
		{Name: "error_message", Type: cty.String, Required: true, OfPlan: true, Doc: "What to tell otherwise; may hold values: \"${plan.remove} removals\"."},
		{Name: "severity", Type: cty.String, Default: str("error"), Rule: enum("Unknown severity", "error", "warning"), Doc: "\"error\" stops the plan and its apply, \"warning\" is shown."},
		{Name: "timezone", Type: cty.String, Default: str("UTC"), Rule: zone, Doc: "Where time is told, such as \"Europe/Berlin\"."},
	},
}

func (b *block) block(name string) *block { return find(b.Blocks, name) }

// find returns the table of a block; nil if there is none.
func find(bs []*block, name string) *block {
	for _, b := range bs {
		if b.Name == name {
			return b
		}
	}
	return nil
}

func (b *block) attr(name string) *attr {
	for i := range b.Attrs {
		if b.Attrs[i].Name == name {
			return &b.Attrs[i]
		}
	}
	return nil
}

// names returns the names of all attributes and blocks that a block may have.
func (b *block) names() (attrs, blocks []string) {
	for _, a := range b.Attrs {
		attrs = append(attrs, a.Name)
	}
	if b.ForEach {
		attrs = append(attrs, "for_each")
	}
	for _, c := range b.Blocks {
		blocks = append(blocks, c.Name)
	}
	return attrs, blocks
}
