package spec

import (
	"fmt"
	"math/bits"
	"net/netip"

	"github.com/hashicorp/hcl/v2"
)

// check finds mistakes that concern more than one block.
func (l *loader) check(d *decoded) {
	l.checkNames(d)
	l.checkAddresses(d)
	l.checkSSHAddresses(d)
	l.checkRoles(d)
	l.checkNetworks(d)
	l.checkParts(d)
	l.checkLevels(d)
	l.checkRemoved(d)
}

func (l *loader) checkNames(d *decoded) {
	seen := map[string]*decodedHost{}
	for _, h := range d.hosts {
		if first := seen[h.Name]; first != nil {
			l.add(problem(h.named, "Duplicate host name", "The name %q is taken by the host at %s. A name is that of one host: choose another.", h.Name, place(first.named)))
			continue
		}
		seen[h.Name] = h
	}
}

func (l *loader) checkAddresses(d *decoded) {
	seen := map[netip.Addr]*decodedHost{}
	for _, h := range d.hosts {
		if first := seen[h.Address]; first != nil && h.Address.IsValid() {
			l.add(problem(h.addressed, "Duplicate host address", "The address %s of host %q is that of host %q at %s. Every host has its own.", h.Address, h.Name, first.Name, place(first.addressed)))
			continue
		}
		seen[h.Address] = h
	}
}

// checkSSHAddresses finds hosts that have the same SSH address and port, and so
// are one machine.
func (l *loader) checkSSHAddresses(d *decoded) {
	seen := map[string]*decodedHost{}
	for _, h := range d.hosts {
		if h.SSH.Address == "" || !h.Address.IsValid() || h.SSH.Address == h.Address.String() {
			continue
		}
		at := fmt.Sprintf("%s port %d", h.SSH.Address, h.SSH.Port)
		via := at + bastionKey(h.SSH.Bastion)
		if first := seen[via]; first != nil {
			l.add(problem(h.Range, "Duplicate SSH address", "Hosts %q and %q (%s) are both reached at %s, so they are one machine. Give each its own address or port in its ssh block.", first.Name, h.Name, place(first.Range), at))
			continue
		}
		seen[via] = h
	}
}

func bastionKey(b *SSH) string {
	if b == nil {
		return ""
	}
	return fmt.Sprintf(" via %s:%d", b.Address, b.Port)
}

// with returns the hosts of a role.
func (d *decoded) with(r Role) []*decodedHost {
	var out []*decodedHost
	for _, h := range d.hosts {
		if h.Has(r) {
			out = append(out, h)
		}
	}
	return out
}

func (l *loader) checkRoles(d *decoded) {
	cps, etcds := d.with(ControlPlane), d.with(Etcd)
	if len(cps) > 1 {
		l.add(problem(cps[1].Range, "More than one control-plane host", "Several control-plane hosts are not supported yet: one control-plane host, and %q is one already (%s). Leave \"control-plane\" to one host.", cps[0].Name, place(cps[0].Range)))
	}
	if n := len(etcds); n > 0 && n%2 == 0 {
		l.add(warning(etcds[n-1].Range, "Even number of etcd members", "%d etcd members bear no more failures than %d, and fail more often. Give the role \"etcd\" to an odd number of hosts.", n, n-1))
	}
	if d.partial {
		return // a host that could not be read may have the role
	}
	l.checkMissingRoles(d)
}

func (l *loader) checkMissingRoles(d *decoded) {
	if len(d.hosts) == 0 {
		l.add(problem(d.Range, "No hosts", "A cluster needs a host: host \"cp-1\" { address = \"192.0.2.11\" roles = [\"control-plane\", \"etcd\", \"worker\"] }."))
		return
	}
	for _, r := range []Role{ControlPlane, Etcd} {
		if len(d.with(r)) == 0 {
			l.add(problem(d.hosts[0].Range, "No "+string(r)+" host", "No host has the role %q. Add it to the roles of one host: roles = [\"control-plane\", \"etcd\", \"worker\"].", r))
		}
	}
	if len(d.with(Worker)) == 0 {
		l.add(warning(d.hosts[0].Range, "No worker", "No host has the role \"worker\", so no pod of yours will run, nor the cluster's DNS."))
	}
}

func (l *loader) checkNetworks(d *decoded) {
	pods, services := d.cluster.attrs["pod_cidr"].at, d.cluster.attrs["service_cidr"].at
	if d.PodCIDR.IsValid() && d.ServiceCIDR.IsValid() && d.PodCIDR.Overlaps(d.ServiceCIDR) {
		l.add(problem(pods, "Overlapping CIDRs", "pod_cidr %s and service_cidr %s (%s) overlap. Choose ranges apart, such as 10.244.0.0/16 and 10.96.0.0/16.", d.PodCIDR, d.ServiceCIDR, place(services)))
	}
	for _, h := range d.hosts {
		l.checkApart(h.Address, h.addressed, "the address of host "+h.Name, d)
	}
	if a, err := netip.ParseAddr(d.api.str("endpoint")); err == nil {
		l.checkApart(a, d.api.attrs["endpoint"].at, "the endpoint", d)
	}
	l.checkSizes(d, pods, services)
}

// checkApart reports an address that lies in the range of pods or of Services.
func (l *loader) checkApart(a netip.Addr, at hcl.Range, what string, d *decoded) {
	for name, p := range map[string]netip.Prefix{"pod_cidr": d.PodCIDR, "service_cidr": d.ServiceCIDR} {
		if a.IsValid() && p.IsValid() && p.Contains(a) {
			l.add(problem(at, "Overlapping CIDRs", "%s, %s, lies in %s %s (%s). Choose a %s apart from the hosts' network.", a, what, name, p, place(d.cluster.attrs[name].at), name))
		}
	}
}

// hostBits is the prefix length of the part of pod_cidr that each host gets.
const hostBits = 24

func (l *loader) checkSizes(d *decoded, pods, services hcl.Range) {
	if p := d.PodCIDR; p.IsValid() && len(d.hosts) > 0 && (p.Bits() > hostBits || p.Bits() < 8 || len(d.hosts) > 1<<(hostBits-p.Bits())) {
		l.add(problem(pods, "pod_cidr of the wrong size", "Each host gets a /%d of it, and %d hosts do not fit into %s. Write one from /8 to /%d.", hostBits, len(d.hosts), p, hostBits-bits.Len(uint(len(d.hosts)-1))))
	}
	if p := d.ServiceCIDR; p.IsValid() && (p.Bits() > 28 || p.Bits() < 12) {
		l.add(problem(services, "service_cidr of the wrong size", "Kubernetes takes a /12 to a /28, not %s. Write one such as 10.96.0.0/16.", p))
	}
}
