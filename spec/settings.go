package spec

import (
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/pmkctl/pmkctl/modules"
)

// Settings are passed on to the components unchanged.
type Settings struct {
	Kubelet, APIServer, ControllerManager, Scheduler, Etcd, Flannel, Containerd Passthrough

	KubeProxy KubeProxy
	CoreDNS   CoreDNS
}

// Passthrough is the content of a block such as `kubelet { ... }`.
type Passthrough struct {
	modules.Settings
	Range hcl.Range
}

// KubeProxy is the block kube_proxy.
type KubeProxy struct {
	Passthrough
	Mode string // iptables or nftables; "" for the default of the module
}

// CoreDNS is the block coredns. In JSON it looks like a Passthrough, as in
// older saved plans.
type CoreDNS struct {
	Config DNS
	Range  hcl.Range
}

// DNS has the settings of the cluster's DNS.
type DNS struct {
	Replicas int    `json:"replicas,omitempty"` // 0 for the default of the module
	Corefile string `json:"corefile,omitempty"` // replaces the module's own; "" for that one
}

// settings are the blocks that are named after components. A new one is a row
// here and a field of Settings.
var settings = []setting{
	passed("kubelet", "/var/lib/kubelet/config.yaml", func(s *Settings) *Passthrough { return &s.Kubelet }, configAttr, flagsAttr, gatesAttr),
	{settingsBlock("kube_proxy", "/etc/kubernetes/kube-proxy.yaml", modeAttr, configAttr, flagsAttr, gatesAttr), readKubeProxy},
	passed("kube_apiserver", "", func(s *Settings) *Passthrough { return &s.APIServer }, flagsAttr, gatesAttr),
	passed("kube_controller_manager", "", func(s *Settings) *Passthrough { return &s.ControllerManager }, flagsAttr, gatesAttr),
	passed("kube_scheduler", "its KubeSchedulerConfiguration", func(s *Settings) *Passthrough { return &s.Scheduler }, configAttr, flagsAttr, gatesAttr),
	passed("etcd", "/etc/etcd/etcd.yaml (etcd takes no flags beside a file)", func(s *Settings) *Passthrough { return &s.Etcd }, configAttr, gatesAttr),
	passed("flannel", "/etc/kube-flannel/net-conf.json", func(s *Settings) *Passthrough { return &s.Flannel }, configAttr, flagsAttr),
	passed("containerd", "/etc/containerd/config.toml", func(s *Settings) *Passthrough { return &s.Containerd }, configAttr, flagsAttr),
	{corednsBlock, readCoreDNS},
}

// A setting is a block that is named after a component, with its decoder.
type setting struct {
	*block
	read func(l *loader, n *node, s *Settings)
}

// passed returns a block whose whole content is passed on to a component.
func passed(name, file string, field func(*Settings) *Passthrough, attrs ...attr) setting {
	return setting{settingsBlock(name, file, attrs...), func(l *loader, n *node, s *Settings) { *field(s) = l.passthrough(n) }}
}

func settingsBlocks() []*block {
	var list []*block
	for _, s := range settings {
		list = append(list, s.block)
	}
	return list
}

// decodeSettings reads the blocks that are named after components.
func (l *loader) decodeSettings(at hcl.Range) Settings {
	var out Settings
	for _, s := range settings {
		s.read(l, l.single(s.Name, at), &out)
	}
	return out
}

// passthrough returns the content of a block of settings; empty if n is nil.
func (l *loader) passthrough(n *node) Passthrough {
	if n == nil {
		return Passthrough{}
	}
	p := Passthrough{Range: n.rng}
	p.Config, p.Flags, p.FeatureGates = modules.Fields{}, n.strMap("flags"), n.boolMap("feature_gates")
	if n.ok("config") {
		p.Config, _ = plain(n.attrs["config"].Value).(map[string]any)
	}
	return p
}

func readKubeProxy(l *loader, n *node, s *Settings) {
	s.KubeProxy = KubeProxy{Passthrough: l.passthrough(n), Mode: n.str("mode")}
}

func readCoreDNS(_ *loader, n *node, s *Settings) {
	s.CoreDNS = CoreDNS{Config: DNS{Replicas: n.int("replicas"), Corefile: n.str("corefile")}, Range: n.rng}
}

var (
	configAttr = attr{Name: "config", Type: cty.DynamicPseudoType, Rule: object, Doc: "Fields to merge, named and nested as in the file."}
	flagsAttr  = attr{Name: "flags", Type: strMap, Rule: flagNames, Doc: "Command line flags, without the dashes."}
	gatesAttr  = attr{Name: "feature_gates", Type: boolMap, Rule: gateNames, Doc: "Feature gates by name."}
	modeAttr   = attr{Name: "mode", Type: cty.String, Default: str("iptables"), Rule: enum("Unknown kube-proxy mode", modes...), Doc: "\"iptables\" or \"nftables\"."}
)

func settingsBlock(name, file string, attrs ...attr) *block {
	doc := "Settings passed through to the component"
	if file != "" {
		doc += "; config goes to " + file
	}
	return &block{Name: name, Attrs: attrs, Doc: doc + "."}
}

var corednsBlock = &block{
	Name: "coredns", Doc: "The cluster's DNS.",
	Attrs: []attr{
		{Name: "replicas", Type: cty.Number, Default: num(2), Rule: positive, Doc: "Pods of its Deployment."},
		{Name: "corefile", Type: cty.String, InWords: "one for the cluster's domain, forwarding the rest to the nodes' resolvers", Rule: filled, Doc: "A whole Corefile in the place of pmkctl's."},
	},
}

// Overlay merges a host's own settings over those for all hosts: fields of the
// configuration one by one, flags and gates by name.
func Overlay(all, own Passthrough) Passthrough {
	out := all
	out.Config = overlay(all.Config, own.Config)
	out.Flags = merge(all.Flags, own.Flags)
	out.FeatureGates = merge(all.FeatureGates, own.FeatureGates)
	return out
}

func overlay(base, over map[string]any) map[string]any {
	out := merge(base, nil)
	for k, v := range over {
		inner, isMap := v.(map[string]any)
		under, wasMap := out[k].(map[string]any)
		if isMap && wasMap {
			v = overlay(under, inner)
		}
		out[k] = v
	}
	return out
}

func merge[V any](base, over map[string]V) map[string]V {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]V{}
	}
	maps.Copy(out, over)
	return out
}
