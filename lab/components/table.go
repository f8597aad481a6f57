package components

import "runtime"

// recipes returns every version and download page that the lab uses. VERSION,
// ARCH and BINARY in the texts are placeholders.
//
// The go.mod in the folder of a recipe has the other requirements of its build:
// that of kubernetes replaces each k8s.io staging module by its own v0 version,
// and that of flannel pins the Tencent Cloud modules of a backend that is not
// used. Projects without a published checksum have no release. They are built,
// so that the Go checksum database verifies them.
func recipes() []recipe {
	return []recipe{{
		name:    "etcd",
		version: "3.6.8",
		programs: []program{
			{"etcd", "go.etcd.io/etcd/server/v3"},
			{"etcdctl", "go.etcd.io/etcd/etcdctl/v3"},
		},
		release: release{
			url:  "https://github.com/etcd-io/etcd/releases/download/vVERSION/etcd-vVERSION-linux-ARCH.tar.gz",
			sums: "https://github.com/etcd-io/etcd/releases/download/vVERSION/SHA256SUMS",
		},
	}, {
		name:    "containerd",
		version: "2.3.7",
		ldflags: "-X github.com/containerd/containerd/v2/version.Version=vVERSION",
		programs: []program{
			{"containerd", "github.com/containerd/containerd/v2/cmd/containerd"},
			{"containerd-shim-runc-v2", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"},
			{"ctr", "github.com/containerd/containerd/v2/cmd/ctr"},
		},
		release: release{
			url:  "https://github.com/containerd/containerd/releases/download/vVERSION/containerd-static-VERSION-linux-ARCH.tar.gz",
			sums: "https://github.com/containerd/containerd/releases/download/vVERSION/containerd-static-VERSION-linux-ARCH.tar.gz.sha256sum",
		},
	}, {
		name:    "runc",
		version: "1.5.2",
		cgo:     true, // runc enters namespaces in C before the Go runtime starts
		tags:    "seccomp",
		programs: []program{
			{"runc", "github.com/opencontainers/runc"},
		},
		release: release{
			url:  "https://github.com/opencontainers/runc/releases/download/vVERSION/runc.ARCH",
			sums: "https://github.com/opencontainers/runc/releases/download/vVERSION/runc.sha256sum",
		},
	}, {
		name:    "cni",
		version: "1.9.1",
		ldflags: "-X github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=vVERSION",
		programs: []program{
			{"bridge", "github.com/containernetworking/plugins/plugins/main/bridge"},
			{"host-local", "github.com/containernetworking/plugins/plugins/ipam/host-local"},
			{"loopback", "github.com/containernetworking/plugins/plugins/main/loopback"},
			{"portmap", "github.com/containernetworking/plugins/plugins/meta/portmap"},
		},
		release: release{
			url:  "https://github.com/containernetworking/plugins/releases/download/vVERSION/cni-plugins-linux-ARCH-vVERSION.tgz",
			sums: "https://github.com/containernetworking/plugins/releases/download/vVERSION/cni-plugins-linux-ARCH-vVERSION.tgz.sha256",
		},
	}, {
		name:    "flannel",
		version: "0.28.10",
		cgo:     true, // needed by the UDP backend
		ldflags: "-X github.com/flannel-io/flannel/pkg/version.Version=vVERSION",
		programs: []program{
			{"flanneld", "github.com/flannel-io/flannel"},
		},
	}, {
		name:    "coredns",
		version: "1.14.7",
		programs: []program{
			{"coredns", "github.com/coredns/coredns"},
		},
		release: release{
			url:  "https://github.com/coredns/coredns/releases/download/vVERSION/coredns_VERSION_linux_ARCH.tgz",
			sums: "https://github.com/coredns/coredns/releases/download/vVERSION/coredns_VERSION_linux_ARCH.tgz.sha256",
		},
	}, {
		name:    "kubernetes",
		version: "1.36.3",
		ldflags: "-X k8s.io/component-base/version.gitVersion=vVERSION",
		programs: []program{
			{"kubelet", "k8s.io/kubernetes/cmd/kubelet"},
			{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
			{"kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"},
			{"kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"},
			{"kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"},
			{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
		},
		release: release{
			url:  "https://dl.k8s.io/vVERSION/bin/linux/ARCH/BINARY",
			sums: "https://dl.k8s.io/vVERSION/bin/linux/ARCH/BINARY.sha256",
		},
	}}
}

// images returns every image that the lab's clusters run.
func images() []image {
	return []image{
		{key: "pause", name: "registry.k8s.io/pause:3.10.2", entry: "pause", source: "lab/images/pause"},
		{key: "web", name: "pmkctl.invalid/web:1", entry: "web", source: "lab/images/web"},
		{key: "coredns", name: "registry.k8s.io/coredns/coredns:v1.14.7", entry: "coredns", recipe: "coredns"},
	}
}

// arch is the architecture of the components: that of this machine, because the
// lab's hosts share its kernel.
const arch = runtime.GOARCH
