package host

import "context"

// KernelReader reads settings and features of the running kernel.
type KernelReader interface {
	// Sysctls reads settings by dotted name ("net.ipv4.ip_forward"). The
	// result has no entry for a setting that this kernel lacks.
	Sysctls(ctx context.Context, names []string) (map[string]string, error)

	// KernelFeatures reports for each name ("overlay", "br_netfilter")
	// whether the kernel has the feature now, built in or loaded, or can load
	// it.
	KernelFeatures(ctx context.Context, names []string) ([]KernelFeature, error)
}

// KernelWriter changes settings and features of the running kernel.
type KernelWriter interface {
	// SetSysctl changes a setting of the running kernel.
	SetSysctl(ctx context.Context, name, value string) error

	// LoadModule loads a kernel module. A feature that is built in is no
	// error.
	LoadModule(ctx context.Context, name string) error
}

// KernelFeature is a feature and how the kernel has it.
type KernelFeature struct {
	Name     string `json:"name"`
	Present  bool   `json:"present"`  // built in or loaded
	Loadable bool   `json:"loadable"` // a module file is there
}
