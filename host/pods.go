package host

import (
	"context"
	"time"
)

// PodReader reads what the container runtime holds and runs.
type PodReader interface {
	// Pods lists the processes of pods: those in the kubelet's cgroups, the
	// shims of containerd's namespace k8s.io, and all that came of them.
	Pods(ctx context.Context) ([]PodProcess, error)

	// Images lists the names of container images that containerd holds in
	// the namespace k8s.io. While containerd does not run it fails with
	// ErrUnavailable.
	Images(ctx context.Context) ([]string, error)
}

// PodWriter changes what the container runtime holds and runs.
type PodWriter interface {
	// KillPods ends all that Pods lists: with SIGTERM first, so that they
	// may end by themselves for so long, then with SIGKILL, shims at last.
	// It returns once all are gone; what will not go is an error.
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
