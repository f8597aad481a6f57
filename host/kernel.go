package host

import "context"

// KernelReader reads settings and features of the running kernel.
type KernelReader interface {
	// Sysctls reads settings by dotted name ("net.ipv4.ip_forward"). What
	// this kernel lacks is left out of the result.
	Sysctls(ctx context.Context, names []string) (map[string]string, error)

	// KernelFeatures tells for each name ("overlay", "br_netfilter") if the
	// kernel can do it now, built in or loaded, or could after a load.
	KernelFeatures(ctx context.Context, names []string) ([]KernelFeature, error)
}

// KernelWriter changes settings and features of the running kernel.
type KernelWriter interface {
	// SetSysctl changes a setting of the running kernel.
	SetSysctl(ctx context.Context, name, value string) error

	// LoadModule loads a kernel module; a feature that is built in is fine.
	LoadModule(ctx context.Context, name string) error
}

// KernelFeature is what the kernel can do.
type KernelFeature struct {
	Name     string `json:"name"`
	Present  bool   `json:"present"`  // built in or loaded
	Loadable bool   `json:"loadable"` // a module file is there
}
