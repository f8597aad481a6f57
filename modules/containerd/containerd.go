// Package containerd runs containerd as a systemd service of the host. It
// owns the unit file, the configuration, the directory of the CNI
// configuration and the service; not the binaries and not what containerd
// keeps.
package containerd

import (
	"context"
	"fmt"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/passthrough"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	service    = "containerd.service"
	configPath = "/etc/containerd/config.toml"
	certsDir   = "/etc/containerd/certs.d" // registries' hosts.toml files, the operator's own
	cniDir     = "/etc/cni/net.d"          // the network's configuration; containerd would make it with another mode
)

// Module is the container runtime of one host.
type Module struct {
	Sandbox string            // image of the pause container, never collected: registry.k8s.io/pause:3.10.2
	Config  map[string]any    // over our config.toml (version 3), from its root
	Flags   map[string]string // extra, without dashes
	Needs   []string          // digests of containerd and what else a restart is due for
}

// Check compares configuration, unit and service.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	s, err := m.service()
	if err != nil {
		return nil, err
	}
	return s.Check(ctx, h)
}

// Apply makes what d says. Pods outlive the restart: KillMode=process leaves
// their shims alone.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	s, err := m.service()
	if err != nil {
		return err
	}
	return s.Apply(ctx, h, d)
}

// Again restarts the service, see modules.Replacer.
func (m Module) Again(_ context.Context, d change.Diff) (change.Diff, error) {
	return resource.Restarted(service, change.ReplaceAsked, d), nil
}

// Items are all that the module may change, see modules.Owner.
func (m Module) Items() []string {
	s, err := m.service()
	if err != nil {
		return nil // Check tells it
	}
	return s.Items()
}

// Footprint is what the service leaves, see modules.Resident.
func (m Module) Footprint() modules.Footprint {
	s, _ := m.service()
	return s.Footprint()
}

func (m Module) service() (resource.Service, error) {
	content, err := m.config()
	if err != nil {
		return resource.Service{}, fmt.Errorf("make %s: %w", configPath, err)
	}
	config := host.FileSpec{Path: configPath, Mode: 0o644, Content: content}
	dirs := append(resource.Parents(config), host.DirSpec{Path: certsDir, Mode: 0o755}, host.DirSpec{Path: cniDir, Mode: 0o755})
	return resource.Service{
		Name:  service,
		Unit:  m.unit(),
		Files: resource.Files{Dirs: dirs, Files: []host.FileSpec{config}},
		Needs: m.Needs,
		Ready: ready,
		Stops: modules.RunsPods, Places: places,
	}, nil
}

var places = []modules.Place{
	{Path: "/opt/containerd", Who: "containerd", What: "an empty place for its plugins", Empty: true},
	{Path: "/run/containerd", Who: "containerd", What: "sockets, state of running containers"},
	{Path: "/run/netns", Prefix: "cni-", Who: "containerd", What: "network namespaces of pods"},
	{Path: "/run/nri", Who: "containerd", What: "a socket for its plugins"},
	{Path: "/var/lib/containerd", Who: "containerd", What: "images, containers"},
}

// ready asks for the images, as the kubelet would.
func ready(ctx context.Context, h host.Host) error {
	return resource.WaitFor(ctx, "containerd to answer", 30*time.Second, func(ctx context.Context) error {
		_, err := h.Images(ctx)
		return err
	})
}

// config is config.toml with sorted keys.
func (m Module) config() ([]byte, error) {
	ours := map[string]any{
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
				"pinned_images": map[string]any{"sandbox": m.Sandbox},
				"registry":      map[string]any{"config_path": certsDir},
			},
		},
	}
	merged, err := passthrough.Plain(passthrough.Merge(ours, m.Config))
	if err != nil {
		return nil, err
	}
	return toml.Marshal(merged)
}

// unit makes no mount namespace: containerd has to see what the kubelet
// mounts. Where systemd may not lower the OOM score or raise a limit (as in
// a container without CAP_SYS_RESOURCE) it goes on without.
func (m Module) unit() string {
	argv := append([]string{"/usr/local/bin/containerd", "--config=" + configPath}, passthrough.Flags(m.Flags)...)
	return `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target dbus.service
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=` + resource.Exec(argv...) + `
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
`
}
