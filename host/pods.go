package host

import (
	"context"
	"time"
)

// PodReader lists the processes of pods and the images of the container
// runtime.
type PodReader interface {
	// Pods lists the processes of pods: those in the kubelet's cgroups, the
	// shims of containerd's namespace k8s.io, and all their descendants.
	Pods(ctx context.Context) ([]PodProcess, error)

	// Images lists the names of the container images that containerd holds in
	// the namespace k8s.io. It fails with ErrUnavailable while containerd
	// does not run.
	Images(ctx context.Context) ([]string, error)
}

// PodWriter ends pods and imports images.
type PodWriter interface {
	// KillPods ends all processes that Pods lists: first with SIGTERM, then,
	// after grace, with SIGKILL, and shims last. It returns when all have
	// ended. A process that does not end is an error.
	KillPods(ctx context.Context, grace time.Duration) error

	// ImportImage imports an OCI archive on the host into containerd's
	// namespace k8s.io.
	ImportImage(ctx context.Context, path string) error
}

// PodProcess is a process of a pod, or a shim.
type PodProcess struct {
	PID  int    `json:"pid"`
	Name string `json:"name"`
	Shim bool   `json:"shim,omitempty"`
}
