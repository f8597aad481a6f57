package preflight

import (
	"slices"
)

// A Check is one thing that preflight checks.
type Check struct {
	ID     string `json:"id"`
	Level  Level  `json:"level"` // unless the spec makes it milder
	Title  string `json:"title"` // a few words
	Do     string `json:"do"`    // what to do about a finding
	Reason string `json:"reason"`
}

// The ids. They never change their meaning, and the id of a removed check is
// not used again.
const (
	Arch             = "PF001"
	Systemd          = "PF002"
	Root             = "PF003"
	Cgroups          = "PF004"
	Swap             = "PF005"
	Kernel           = "PF006"
	Programs         = "PF007"
	Disk             = "PF008"
	Memory           = "PF009"
	ForeignKubelet   = "PF010"
	ForeignInstall   = "PF011"
	OtherCluster     = "PF012"
	KernelVersion    = "PF013"
	SlowDisk         = "PF014"
	ForeignCNI       = "PF015"
	OldLink          = "PF016"
	OverlappingRoute = "PF017"
	Firewall         = "PF018"
	Resolver         = "PF019"
	Clock            = "PF020"
	SameHostname     = "PF021"
	SameMachineID    = "PF022"
	SameProductUUID  = "PF023"
	PortHeld         = "PF030"
	HolderStopped    = "PF031"
	CannotBind       = "PF032"
	Unreached        = "PF040"
	Loss             = "PF041"
	Translated       = "PF042"
	HostLost         = "PF043"
	HostLocked       = "PF044"
	ProbeBusy        = "PF045"
	Overload         = "PF046"
	SmallPath        = "PF047"
	OverlayDown      = "PF048"
	ForeignRuntime   = "PF060"
	Endpoint         = "PF061"
)

// Catalogue holds every check, in the order of the ids.
var Catalogue = []Check{
	{Arch, Error, "processor architecture",
		"Choose another network backend, or leave the host out.",
		"flannel's udp backend is built for amd64 only: on other processors flanneld ends at once."},
	{Systemd, Error, "systemd as process 1",
		"Boot the host with systemd.",
		"All components run as systemd services."},
	{Root, Error, "root",
		"Log in as root, or set become in the host's ssh block.",
		"Services, kernel settings and files under /etc are root's."},
	{Cgroups, Error, "cgroup v2",
		"Boot with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1 to false in the kubelet's config.",
		"A kubelet since 1.35 refuses to start on cgroup v1 unless failCgroupV1 is false."},
	{Swap, Error, "swap",
		"Turn it off (swapoff -a, and its line in /etc/fstab), or set failSwapOn to false in the kubelet's config.",
		"A kubelet refuses to start with swap on unless failSwapOn is false."},
	{Kernel, Error, "kernel features",
		"Install a kernel that has them, or its package of further modules.",
		"containerd, the network backend and kube-proxy each need some."},
	{Programs, Error, "programs",
		"Install the packages that hold them: iptables or nftables, mount, iproute2, util-linux, kmod.",
		"kubelet, flanneld and kube-proxy run them, and modprobe loads what the kernel does not hold yet."},
	{Disk, Error, "free disk",
		"Free some space, or lower min_free_disk in the spec's preflight block.",
		"Images and pods' files are kept under /var; a kubelet evicts pods when it fills up."},
	{Memory, Error, "memory",
		"Give the host more, or lower min_memory in the spec's preflight block.",
		"With less, the components themselves are killed under load."},
	{ForeignKubelet, Error, "a kubelet of somebody else",
		"Remove it, or leave the host out.",
		"Two kubelets on one host delete each other's pods. Only a unit that pmkctl wrote is taken over."},
	{ForeignInstall, Error, "another Kubernetes installation",
		"Remove it with its own tool (kubeadm reset, k3s-uninstall.sh, ...), move away what that leaves, or leave the host out.",
		"Its services and files would fight with the new ones, and an etcd that finds another one's data goes on with that."},
	{OtherCluster, Error, "member of another cluster",
		"Check the host's address in the spec. If the other cluster is gone, remove /var/lib/pmkctl/record.json.",
		"pmkctl recorded on the host that it belongs to another cluster."},
	{KernelVersion, Error, "kernel version",
		"Install a newer kernel, or choose another mode.",
		"Kubernetes needs Linux 4.19, and kube-proxy's nftables mode 5.13."},
	{SlowDisk, Warning, "disk of etcd",
		"Give etcd a disk of its own, an SSD, or look for what else writes to this one.",
		"etcd answers no write before it is on disk. On a slow one it loses its leader, and the API server fails now and then."},
	{ForeignCNI, Error, "network configuration of somebody else",
		"Move the file away, and remove the network that it belongs to.",
		"containerd takes the first file by name: pods would get the other network, not flannel's."},
	{OldLink, Error, "an interface left by another pod network",
		"Remove it (ip link delete NAME), or restart the host.",
		"The interface is taken for the new one's, but its address or routes are the old ones: pods start without a network, or cannot be reached."},
	{OverlappingRoute, Error, "routes into the pod or service network",
		"Remove the route, or choose another pod_cidr or service_cidr.",
		"Where both have an address, only one of them can be reached: pods take the place of other machines or the other way round."},
	{Firewall, Warning, "an active firewall",
		"If a pair of hosts fails as well, begin here. Otherwise see that it forwards what pods send and receive, and ignore this check.",
		"Rules that pass hosts' traffic may still drop that of pods, which no probe can send before there are pods."},
	{Resolver, Warning, "name servers for pods",
		"Name servers that the network reaches in the file, or give the kubelet another one (resolvConf).",
		"Pods use the host's name servers. A loopback address is the pod's own: names outside of the cluster do not resolve, or the cluster's DNS asks itself."},
	{Clock, Error, "clocks",
		"Run chrony or systemd-timesyncd on all hosts, and wait until they agree.",
		"Certificates and leases of one host would be too old or not yet valid on another."},
	{SameHostname, Warning, "hostname of two hosts",
		"Give each host its own name (hostnamectl set-hostname).",
		"Logs and monitoring take the two for one. Kubernetes uses the names of the spec."},
	{SameMachineID, Error, "machine-id of two hosts",
		"On all but one: rm /etc/machine-id, systemd-machine-id-setup, reboot. Or one machine stands twice in the spec.",
		"Hosts that were cloned share it: DHCP may give them one address, and their nodes look alike."},
	{SameProductUUID, Warning, "product UUID of two hosts",
		"Ask whoever runs the virtual machines for different ones.",
		"Cloud providers and storage drivers tell machines apart by it."},
	{PortHeld, Error, "a port is held",
		"Stop the process, or give the component another port in the spec.",
		"The component that needs the port would not start."},
	{HolderStopped, Error, "a component is stopped",
		"Let it go on: kill -CONT PID.",
		"The right component holds the port, but its process is stopped and answers nobody."},
	{CannotBind, Error, "a port cannot be bound",
		"See that the internal address of the host stands on one of its interfaces.",
		"The component that needs the port would not start."},
	{Unreached, Error, "traffic between hosts",
		"Let the traffic pass: in the hosts' firewalls, in security groups, in the network between them.",
		"A node whose traffic does not reach the others joins, and then fails in ways that do not tell the cause."},
	{Loss, Warning, "loss between hosts",
		"Look for an overloaded link or a wrong duplex setting between the two.",
		"Resends get through, at the cost of speed."},
	{Translated, Warning, "addresses are translated between hosts",
		"Let the internal addresses of the hosts reach each other directly.",
		"A host is seen under another address than the spec's, so replies and network policies may go wrong."},
	{HostLost, Error, "a host left during the probe",
		"Run again; if it happens again, see the host's journal.",
		"Its connection broke, so nothing is known about it."},
	{HostLocked, Warning, "an apply holds the host",
		"Wait for it to end.",
		"Nothing is bound on a host while another run changes it: the ports are about to be the components'."},
	{ProbeBusy, Error, "another preflight holds the host",
		"Run again.",
		"Two probes at a time would find each other's listeners."},
	{Overload, Warning, "a host is overloaded",
		"Run again when it is less busy.",
		"It did not hear itself in time, so silence proves nothing about the network."},
	{SmallPath, Error, "packet size between hosts",
		"Let packets of the interfaces' MTU pass between the hosts, or set that MTU to what passes.",
		"flannel takes the MTU of the host's interface for what the network carries. Where less passes, pods connect, and hang as soon as they send much."},
	{OverlayDown, Error, "pod network between live hosts",
		"See the journal of flanneld on both hosts, and the routes to each other's pod network.",
		"flannel runs on both hosts and its packets pass between them, but those inside do not arrive."},
	{ForeignRuntime, Warning, "another containerd",
		"Stop what it runs before the apply. To keep it, leave the host out.",
		"Kubernetes needs a containerd of its own version, under the same name, socket and configuration file: what runs in the other one is stopped with it."},
	{Endpoint, Error, "the name of the API server",
		"Add the name to the DNS or to /etc/hosts on the host, or write an address as endpoint in the spec.",
		"All components on the host find the API server by it."},
}

// Find returns the check with an id.
func Find(id string) (Check, bool) {
	i := slices.IndexFunc(Catalogue, func(c Check) bool { return c.ID == id })
	if i < 0 {
		return Check{}, false
	}
	return Catalogue[i], true
}
