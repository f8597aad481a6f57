// Package containerd runs containerd as a systemd service of the host. It
// owns the unit, the configuration, and the directory of the CNI configuration.
// The programs, and the data of containerd, are not its own.
package containerd

import (
	"context"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	configPath = "/etc/containerd/config.toml"
	certsDir   = "/etc/containerd/certs.d" // hosts.toml files for registries, which operators write
	cniDir     = "/etc/cni/net.d"          // for the CNI configuration; containerd would make it with another mode
)

// Containerd is the container runtime of one host.
type Containerd struct {
	Sandbox  string   // image of the pause container, never collected: registry.k8s.io/pause:3.10.2
	Programs []string // SHA-256 of containerd and of the programs that it runs
	modules.Settings
}

// New returns the module of the service.
func New(c Containerd) modules.Module { return c.Service() }

// Service returns the unit, its configuration and when it is ready. The unit has
// no mount namespace of its own, because containerd must see what the kubelet
// mounts. Pods survive a restart, because KillMode=process does not stop their
// shims. If systemd may not lower the OOM score or raise a limit (as in a
// container without CAP_SYS_RESOURCE), the service runs without.
func (c Containerd) Service() resource.Service {
	return resource.Service{
		Name: "containerd.service",
		Unit: resource.Unit{
			Description:   "containerd container runtime",
			Documentation: "https://containerd.io",
			After:         "network.target dbus.service",
			Type:          "notify",
			Argv:          []string{"/usr/local/bin/containerd", "--config=" + configPath},
			Flags:         c.Flags,
			Beside:        "Delegate=yes\nKillMode=process\n",
			Options:       "LimitNPROC=infinity\nLimitCORE=infinity\nTasksMax=infinity\nOOMScoreAdjust=-999\n",
		},
		Config: resource.Config{Path: configPath, Fields: c.fields(), Encode: toml.Marshal},
		Dirs:   []host.DirSpec{{Path: certsDir, Mode: 0o755}, {Path: cniDir, Mode: 0o755}},
		Inputs: c.Programs,
		Ready:  ready,
		Stops:  modules.RunsPods,
		Places: places,
		Mounts: mounts,
	}
}

var mounts = []string{
	"/run/containerd/io.containerd.runtime.v2.task/k8s.io/*/",
	"/run/containerd/io.containerd.grpc.v1.cri/*/",
	"/run/netns/cni-*",
	"/var/lib/containerd/tmpmounts/*",
}

var places = []modules.Place{
	{Path: "/opt/containerd", Who: "containerd", What: "an empty place for its plugins", Empty: true},
	{Path: "/run/containerd", Who: "containerd", What: "sockets, state of running containers"},
	{Path: "/run/netns", Prefix: "cni-", Who: "containerd", What: "network namespaces of pods"},
	{Path: "/run/nri", Who: "containerd", What: "a socket for its plugins"},
	{Path: "/var/lib/containerd", Who: "containerd", What: "images, containers"},
}

// ready lists the images, as the kubelet does.
func ready(ctx context.Context, h host.Host) error {
	return resource.WaitFor(ctx, "containerd to answer", 30*time.Second, func(ctx context.Context) error {
		_, err := h.Images(ctx)
		return err
	})
}

// fields returns the fields of config.toml.
func (c Containerd) fields() map[string]any {
	return c.Config.Over(map[string]any{
		"version": 3,
		"plugins": map[string]any{
			"io.containerd.cri.v1.runtime": map[string]any{
				"cni": map[string]any{"bin_dirs": []any{"/opt/cni/bin"}, "conf_dir": cniDir},
				"containerd": map[string]any{
					"default_runtime_name": "runc",
					"runtimes": map[string]any{"runc": map[string]any{
						"runtime_type": "io.containerd.runc.v2",
						"options":      map[string]any{"BinaryName": "/usr/local/bin/runc", "SystemdCgroup": true},
					}},
				},
			},
			"io.containerd.cri.v1.images": map[string]any{
				"pinned_images": map[string]any{"sandbox": c.Sandbox},
				"registry":      map[string]any{"config_path": certsDir},
			},
		},
	})
}
