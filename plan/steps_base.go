package plan

import (
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/account"
	"github.com/pmkctl/pmkctl/modules/component"
	"github.com/pmkctl/pmkctl/modules/kernel"
	"github.com/pmkctl/pmkctl/modules/kubeconfig"
	"github.com/pmkctl/pmkctl/modules/membership"
	"github.com/pmkctl/pmkctl/modules/pki"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// base adds the steps that every host needs before services can run there:
// membership, kernel settings, users and directories, programs.
func (b *builder) base(h *spec.Host) {
	m := membership.Member{Cluster: b.identity, Name: h.Name, Footprints: Footprints()}
	if h.Has(spec.ControlPlane) {
		m.Inventory = b.inventory()
		for _, d := range b.Departing {
			m.Departing = append(m.Departing, d.Host.Name)
		}
	}
	b.add("member", h, m, Gate)
	member := address.Of("member", h.Name)
	b.add("kernel", h, kernel.Module{
		Modules: kernel.Modules(b.Network.Backend, b.Settings.KubeProxy.Mode), Sysctls: b.sysctls(h)}, member)
	b.add("accounts", h, account.For(b.ComponentsOf(h)), member)
	b.add("programs", h, component.Module{Files: b.programs(h), Sources: b.world.Sources}, member)
}

// inventory returns all hosts and how to reach them, for a run without the spec.
// A host that is absent from this run keeps its former entry, if it has one.
func (b *builder) inventory() []state.HostEntry {
	var list []state.HostEntry
	for _, h := range b.Hosts {
		e := state.HostEntry{Name: h.Name, Address: h.Address.String(), SSH: h.SSH.String(), HostKey: b.world.Identities[h.Name].HostKey}
		if _, reached := b.world.Hosts[h.Name]; !reached {
			i := slices.IndexFunc(b.world.Inventory, func(was state.HostEntry) bool { return was.Name == h.Name })
			if i < 0 {
				continue
			}
			e = b.world.Inventory[i]
		}
		list = append(list, e)
	}
	return list
}

func (b *builder) sysctls(h *spec.Host) map[string]string {
	defaults, _ := b.kubelet(h).Config["protectKernelDefaults"].(bool)
	wanted := kernel.Sysctls(h.Address.Is6(), defaults)
	if b.facts[h.Name].Virt == "docker" {
		return kernel.NetOnly(wanted)
	}
	return wanted
}

// programs returns the programs for the roles of a host.
func (b *builder) programs(h *spec.Host) []component.File {
	var list []component.File
	for _, name := range b.ComponentsOf(h) {
		c := b.Components[name]
		list = append(list, component.File{Name: name, Path: programPath(name), Source: c.Source, SHA256: c.SHA256})
	}
	return list
}

// programPath returns where a program is installed. containerd finds CNI plugins
// in a directory of their own.
func programPath(name string) string {
	if slices.Contains(spec.CNIPlugins, name) {
		return "/opt/cni/bin/" + name
	}
	return "/usr/local/bin/" + name
}

// sha256 returns the digest of a program, for the service that runs it.
func (b *builder) sha256(name string) string { return b.Components[name].SHA256 }

// authorities are the certificates of the three CAs.
type authorities struct{ cluster, frontProxy, etcd *modules.Value[string] }

// ClusterCA is where the cluster's CA is on the signer. Other hosts have its
// certificate at CertPath too.
var ClusterCA = struct{ KeyPath, CertPath string }{pki.ClusterCA(nil).Key.Path, pki.ClusterCA(nil).Cert}

// authorities names the certificates of the three CAs, which steps of the
// signer make. The etcd CA is there too, and not on an etcd host: so only one
// host can sign.
func (b *builder) authorities() {
	m := b.signer()
	b.pki = authorities{
		modules.NewValue[string](address.Of("ca", m.Name)),
		modules.NewValue[string](address.Of("front-proxy-ca", m.Name)),
		modules.NewValue[string](address.Of("etcd-ca", m.Name)),
	}
}

// certificates adds the steps for a host's certificates: the CAs if it is the
// signer, the CAs that it trusts, its leaves, and the kubeconfigs that name
// them.
func (b *builder) certificates(h *spec.Host) {
	accounts := address.Of("accounts", h.Name)
	if h == b.signer() {
		b.add("ca", h, pki.ClusterCA(b.pki.cluster), accounts)
		b.add("front-proxy-ca", h, pki.FrontProxyCA(b.pki.frontProxy), accounts)
		b.add("etcd-ca", h, pki.EtcdCA(b.pki.etcd), accounts)
		b.add("service-accounts", h, pki.ServiceAccounts(), accounts)
	}
	if trust := b.trust(h); len(trust) > 0 {
		b.add("trust", h, pki.Trust{Files: trust}, append(b.caSteps(), accounts)...)
	}
	b.add("certificates", h, pki.Leaves{Leaves: b.leaves(h), CAs: b.signers()}, append(b.caSteps(), accounts)...)
	b.add("kubeconfigs", h, kubeconfig.Module{Files: b.kubeconfigs(h)}, accounts)
}

func (b *builder) caSteps() []address.Addr {
	m := b.signer().Name
	return []address.Addr{address.Of("ca", m), address.Of("front-proxy-ca", m), address.Of("etcd-ca", m)}
}

// trust returns the CA certificates that a host needs; none for the signer, which
// has them.
func (b *builder) trust(h *spec.Host) []pki.TrustFile {
	if h == b.signer() {
		return nil
	}
	files := []pki.TrustFile{pki.TrustCluster(b.pki.cluster)}
	if h.Has(spec.ControlPlane) {
		files = append(files, pki.TrustFrontProxy(b.pki.frontProxy))
	}
	if h.Has(spec.ControlPlane) || h.Has(spec.Etcd) {
		files = append(files, pki.TrustEtcd(b.pki.etcd))
	}
	return files
}

func (b *builder) leaves(h *spec.Host) []pki.Leaf {
	addresses := []string{h.Address.String()}
	leaves := pki.NodeLeaves(h.Name, addresses)
	if h.Has(spec.Etcd) {
		leaves = append(leaves, pki.EtcdLeaves(h.Name, addresses)...)
	}
	if h.Has(spec.ControlPlane) {
		leaves = append(leaves, pki.ControlPlane{
			Name: h.Name, Addresses: addresses, ServiceIP: pki.FirstServiceIP(b.ServiceCIDR), Domain: b.Domain,
			Endpoint: b.API.Endpoint, ExtraSANs: b.API.ExtraSANs}.Leaves()...)
	}
	return leaves
}

// signers are the CAs by name, each with the connection to the signer.
func (b *builder) signers() map[string]pki.Authority {
	signer := b.world.Hosts[b.signer().Name]
	return map[string]pki.Authority{
		pki.Cluster:    pki.ClusterCA(b.pki.cluster).Authority(signer),
		pki.FrontProxy: pki.FrontProxyCA(b.pki.frontProxy).Authority(signer),
		pki.Etcd:       pki.EtcdCA(b.pki.etcd).Authority(signer),
	}
}

// kubeconfigs returns the kubeconfigs of a host, each named after its user.
func (b *builder) kubeconfigs(h *spec.Host) []kubeconfig.File {
	files := []kubeconfig.File{
		b.kubeconfig("kubelet", "kubelet-client", "system:node:"+h.Name, ""),
		b.kubeconfig("kube-proxy", "kube-proxy", "system:kube-proxy", ""),
		b.kubeconfig("flannel", "flannel", "system:flannel", ""),
	}
	if h.Has(spec.ControlPlane) {
		files = append(files,
			b.kubeconfig("admin", "admin", "kubernetes-admin", ""),
			b.kubeconfig("kube-controller-manager", "kube-controller-manager", "system:kube-controller-manager", "kube"),
			b.kubeconfig("kube-scheduler", "kube-scheduler", "system:kube-scheduler", "kube"))
	}
	return files
}

func (b *builder) kubeconfig(name, cert, user, owner string) kubeconfig.File {
	return kubeconfig.File{
		Path: "/etc/kubernetes/" + name + ".kubeconfig", Cluster: b.Name, User: user, Server: ServerURL(b.Cluster),
		CA: ClusterCA.CertPath, Cert: pki.Dir + cert + ".crt", Key: pki.Dir + cert + ".key", Owner: owner, Group: owner}
}
