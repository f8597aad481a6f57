// Package host says what a host is: what may be read of it and changed on it.
// Modules know hosts only through the interface here. It owns no
// implementation: oshost is this machine, hosttest a host in memory, and the
// agent serves either of them to another machine.
package host

import (
	"context"
	"io"
	"time"
)

// Host is one machine. Calls may run at once and wait for no other. Reads of
// several things are one call, because a call is a round trip. Every method
// fails when ctx ends or the host is lost, and errors of the system keep
// their identity (errors.Is with fs.ErrNotExist, fs.ErrPermission and
// ErrReadOnly works across the wire).
//
// Whatever changes the host may be repeated with the same arguments and ends
// the same.
type Host interface {
	Reader
	Writer
	Prober
}

// Reader is what a read-only agent serves: nothing in it changes the host.
type Reader interface {
	Looker

	// Facts tells what the machine is.
	Facts(ctx context.Context) (Facts, error)

	// Files looks at paths, in their order. A path where nothing is has
	// Type Absent; that is no error. Symbolic links are not followed.
	Files(ctx context.Context, queries []FileQuery) ([]File, error)

	// Units asks systemd for units by name ("kubelet.service"), in their
	// order. An unknown unit has Load "not-found"; that is no error.
	Units(ctx context.Context, names []string) ([]Unit, error)

	// Journal returns up to n last lines of a unit's journal, oldest first.
	Journal(ctx context.Context, unit string, n int) ([]string, error)

	// Sysctls reads settings by dotted name ("net.ipv4.ip_forward"). What
	// this kernel lacks is left out of the result.
	Sysctls(ctx context.Context, names []string) (map[string]string, error)

	// KernelFeatures tells for each name ("overlay", "br_netfilter") if the
	// kernel can do it now, built in or loaded, or could after a load.
	KernelFeatures(ctx context.Context, names []string) ([]KernelFeature, error)

	// Network lists links, addresses and routes of the host.
	Network(ctx context.Context) (Network, error)

	// Users tells which of these user names exist, in their order.
	Users(ctx context.Context, names []string) ([]User, error)

	// Programs finds programs ("iptables") in root's search path, in their
	// order; one that is missing has an empty Path.
	Programs(ctx context.Context, names []string) ([]Program, error)

	// Sockets lists the sockets that listen (TCP) or are bound (UDP), with
	// the processes that hold them.
	Sockets(ctx context.Context) ([]Socket, error)

	// Keys returns the public halves of private keys, in the order of the
	// paths. A path where no key is has an empty Public.
	Keys(ctx context.Context, paths []string) ([]Key, error)

	// Images lists the names of container images that containerd holds in
	// the namespace k8s.io. While containerd does not run it fails with
	// ErrUnavailable.
	Images(ctx context.Context) ([]string, error)

	// Kube makes one HTTPS request to the API server with a credential that
	// stays on the host. A read-only agent refuses all methods but GET.
	// While nothing answers it fails with ErrUnavailable; an answer with any
	// status is no error.
	Kube(ctx context.Context, r KubeRequest) (KubeResponse, error)

	// Get makes one HTTPS or HTTP GET request from the host itself, such as
	// to a component's health endpoint. Errors as for Kube.
	Get(ctx context.Context, r GetRequest) (KubeResponse, error)

	// EtcdMembers lists the members of an etcd cluster and asks each how it
	// is. Where none of the endpoints answers it fails with ErrUnavailable.
	EtcdMembers(ctx context.Context, r EtcdRequest) ([]EtcdMember, error)

	// FsyncLatency times up to n small writes, each synced before the next,
	// on the file system of a directory, or of the nearest one above it that
	// is there. The file has no name, so nothing can be left behind. It ends
	// early after a quarter of a second. Where the file system cannot do
	// that it fails with ErrUnavailable.
	FsyncLatency(ctx context.Context, dir string, n int) ([]time.Duration, error)

	// Firewall lists the chains through which the kernel's packet filter
	// takes all that comes in or is forwarded. A filter that is not in the
	// kernel is not loaded for it: it has no chains.
	Firewall(ctx context.Context) ([]Chain, error)

	// Lookup asks for the addresses of names, in their order, as the
	// components on the host do: /etc/hosts and the name servers. A name
	// without addresses is no error. It ends after a second.
	Lookup(ctx context.Context, names []string) ([]Resolved, error)

	// Mounts lists what is mounted, in the order of mounting: what is
	// unmounted from the end on is never in use by another mount.
	Mounts(ctx context.Context) ([]Mount, error)

	// Pods lists the processes of pods: those in the kubelet's cgroups, the
	// shims of containerd's namespace k8s.io, and all that came of them.
	Pods(ctx context.Context) ([]PodProcess, error)

	// Trees counts files and bytes below paths, in their order. What is
	// mounted below is not counted. A path where nothing is has no files.
	// It ends early after two seconds; see Tree.More.
	Trees(ctx context.Context, paths []string) ([]Tree, error)

	// Filters lists the parts of the packet filter that are of such names,
	// those of nftables and of the older iptables alike. A filter that is
	// not in the kernel is not loaded for it.
	Filters(ctx context.Context, q FilterQuery) ([]Filter, error)
}

// Looker is what Reader has for people who ask who changed something.
type Looker interface {
	// Provenance tells, as far as the host can, who changed each thing last
	// and when, in their order: paths, units, or other names that may stand
	// in a log. Of what logs say, commands that do not name the thing come
	// without their arguments. It ends after three seconds with what it found
	// by then.
	Provenance(ctx context.Context, items []string) ([]Provenance, error)
}

// Writer is what an armed agent serves as well.
type Writer interface {
	// WriteFile replaces a file in one step: a temporary file beside the
	// target, synced, renamed, the directory synced. The directory must
	// exist.
	WriteFile(ctx context.Context, f FileSpec) error

	// Append adds to the end of a file and syncs it; the file is made with
	// mode 0600 if need be.
	Append(ctx context.Context, path string, data []byte) error

	// MakeDir makes a directory and its parents (0755, root), and sets mode
	// and owner of the last one.
	MakeDir(ctx context.Context, d DirSpec) error

	// Symlink makes or replaces a symbolic link in one step.
	Symlink(ctx context.Context, path, target string) error

	// Remove removes a file, a link or an empty directory. Nothing at path
	// is no error.
	Remove(ctx context.Context, path string) error

	// RemoveTree removes a directory, or a file, with all below it. It
	// refuses what is not within t.Within and, before it removes anything,
	// what something is mounted below of; links are removed, not followed. A
	// directory on which a file system is mounted is emptied and stays.
	// Nothing at the path is no error.
	RemoveTree(ctx context.Context, t TreeSpec) error

	// Unmount takes the uppermost mount of a path away. One that is in use
	// for five seconds is detached: it goes once nobody uses it any more.
	// Nothing mounted there is no error.
	Unmount(ctx context.Context, path string) error

	// KillPods ends all that Pods lists: with SIGTERM first, so that they
	// may end by themselves for so long, then with SIGKILL, shims at last.
	// It returns once all are gone; what will not go is an error.
	KillPods(ctx context.Context, grace time.Duration) error

	// DeleteLink deletes a network interface. None of that name is no error.
	DeleteLink(ctx context.Context, name string) error

	// DeleteRoute deletes a route of the main table, by its destination,
	// gateway and interface. None such is no error.
	DeleteRoute(ctx context.Context, r NetRoute) error

	// ClearFilters removes all that Filters lists, and the rules of other
	// chains that lead there.
	ClearFilters(ctx context.Context, q FilterQuery) error

	// Install brings size bytes to the host and puts them in place in one
	// step, like WriteFile, if their SHA-256 is that of f. What was received
	// of an earlier try is not sent again.
	Install(ctx context.Context, f InstallSpec, open func() (io.ReadCloser, error)) error

	// Unit does one thing to a unit and waits until systemd's job is done.
	// A job that fails is an error with systemd's result.
	Unit(ctx context.Context, name string, do UnitAction) error

	// SetSysctl changes a setting of the running kernel.
	SetSysctl(ctx context.Context, name, value string) error

	// LoadModule loads a kernel module; a feature that is built in is fine.
	LoadModule(ctx context.Context, name string) error

	// EnsureKey makes an ECDSA P-256 private key at k.Path unless a key is
	// there, and sets mode and owner. Only the public half is returned; the
	// path is refused by Files from then on (see File.Secret).
	EnsureKey(ctx context.Context, k KeySpec) (Key, error)

	// Request makes a PKCS #10 request, PEM, signed by the key at keyPath.
	// It carries the common name alone: what else the certificate says is
	// the signer's to decide.
	Request(ctx context.Context, keyPath, commonName string) ([]byte, error)

	// Sign issues a certificate, PEM, with a key of this host. It writes
	// nothing.
	Sign(ctx context.Context, r SignRequest) ([]byte, error)

	// EtcdRemove takes a member out of an etcd cluster by its id. One that is
	// not in it is no error.
	EtcdRemove(ctx context.Context, r EtcdRequest, id string) error

	// ImportImage imports an OCI archive on the host into containerd's
	// namespace k8s.io.
	ImportImage(ctx context.Context, path string) error

	// Run runs a program by its argument list; no shell reads it. An exit
	// status other than 0 is an *ExitError.
	Run(ctx context.Context, argv []string, stdin []byte) ([]byte, error)
}
