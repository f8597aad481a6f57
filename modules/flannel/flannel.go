// Package flannel runs flanneld as a systemd service of the host. It owns
// the unit file, net-conf.json and the script that turns what flanneld found
// out into the CNI configuration; not the binary, not that configuration
// itself or its directory, and not what flanneld keeps under /run/flannel.
//
// The script is run by flanneld's unit after each start, its restarts by
// systemd included, so that a start is complete only with a CNI
// configuration that fits, and there is no second unit to keep in step. It
// is a script because it must work without pmkctl on the host; nothing of
// the spec is written into it.
package flannel

import (
	"context"
	_ "embed" // the script
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
	"github.com/pmkctl/pmkctl/modules/internal/passthrough"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	service     = "flanneld.service"
	netConfPath = "/etc/kube-flannel/net-conf.json"
	kubeconfig  = "/etc/kubernetes/flannel.kubeconfig"
	subnetFile  = "/run/flannel/subnet.env"
	cniDir      = "/etc/cni/net.d"
	cniPath     = cniDir + "/10-flannel.conflist"
	scriptPath  = "/usr/local/libexec/pmkctl/write-cni"
)

//go:embed write-cni.sh
var script []byte

// Module is the flanneld of one host.
type Module struct {
	Node    string // name of the host's Node
	Iface   string // address or interface by which the other hosts are reached
	PodCIDR netip.Prefix
	Backend string // udp, vxlan, host-gw or wireguard
	Port    int    // UDP port of the backend; 0 leaves it out
	// API is a control-plane host: Apply waits there until the Node has its
	// pod CIDR, without which flanneld gives up. nil does not wait.
	API host.Host
	// Config goes over our net-conf.json, Flags (without dashes) over our own.
	Config map[string]any
	Flags  map[string]string
	Needs  []string // digests of flanneld and its certificate
}

// Check compares configuration, script, unit and service, and looks if the
// CNI configuration is there.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	s, err := m.service()
	if err != nil {
		return nil, err
	}
	type answer struct {
		files []host.File
		err   error
	}
	cni := make(chan answer, 1)
	go func() {
		files, err := h.Files(ctx, []host.FileQuery{{Path: cniPath}})
		cni <- answer{files, err}
	}()
	d, err := s.Check(ctx, h)
	a := <-cni
	if err != nil {
		return nil, err
	}
	if a.err != nil {
		return nil, a.err
	}
	if a.files[0].Type != host.Regular {
		d = resource.Restarted(service, cniPath+" is missing", d)
	}
	return markReplacement(d), nil
}

// markReplacement says of another backend what it means.
func markReplacement(d change.Diff) change.Diff {
	for i, c := range d {
		have, want, replaced := backends(c)
		if replaced {
			d[i].Action, d[i].Gap = change.Replace, true
			d[i].Why = fmt.Sprintf("the backend %s replaces %s: traffic between pods is interrupted until all hosts have it", want, have)
		}
	}
	return d
}

// backends are the types in both sides of a change of net-conf.json.
func backends(c change.Change) (have, want string, differ bool) {
	if c.Item != netConfPath || !c.IsText() || c.Have == "" {
		return "", "", false
	}
	have, want = backendType(c.Have), backendType(c.Want)
	return have, want, have != "" && have != want
}

// backendType is the type in a net-conf.json; "" if it cannot be read.
func backendType(netConf string) string {
	var o kube.Object
	if err := json.Unmarshal([]byte(netConf), &o); err != nil {
		return ""
	}
	return kube.Text(o, "Backend", "Type")
}

// Apply makes what d says.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	s, err := m.service()
	if err != nil {
		return err
	}
	if err := m.waitForPodCIDR(ctx); err != nil {
		return err
	}
	for _, c := range d {
		if have, _, replaced := backends(c); replaced {
			if err := m.clear(ctx, h, have); err != nil {
				return fmt.Errorf("clear the backend %s: %w", have, err)
			}
		}
	}
	return s.Apply(ctx, h, d)
}

// waitForPodCIDR waits for what flanneld itself waits for, and gives up with
// a reason.
func (m Module) waitForPodCIDR(ctx context.Context) error {
	if m.API == nil {
		return nil
	}
	what := "a pod CIDR of node " + m.Node + " (kube-controller-manager gives it with allocate-node-cidrs)"
	return resource.WaitFor(ctx, what, 30*time.Second, func(ctx context.Context) error {
		node, err := kube.Get(ctx, m.API, "/api/v1/nodes/"+m.Node)
		if err != nil {
			return err
		}
		if kube.Text(node, "spec", "podCIDR") == "" {
			return fmt.Errorf("node %s has none", m.Node)
		}
		return nil
	})
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
	content, err := m.netConf()
	if err != nil {
		return resource.Service{}, fmt.Errorf("make %s: %w", netConfPath, err)
	}
	conf := host.FileSpec{Path: netConfPath, Mode: 0o644, Content: content}
	write := host.FileSpec{Path: scriptPath, Mode: 0o755, Content: script}
	return resource.Service{
		Name:  service,
		Unit:  m.unit(),
		Files: resource.Files{Dirs: resource.Parents(conf, write), Files: []host.FileSpec{conf, write}},
		Needs: m.Needs,
		Stops: modules.ConnectsPods, Places: places,
	}, nil
}

var places = []modules.Place{
	{Path: cniPath, Who: "flanneld's unit", What: "CNI configuration"},
	{Path: "/run/flannel", Who: "flanneld", What: "the host's subnet"},
	{Path: "/var/lib/cni", Who: "CNI plugins", What: "addresses of pods"},
}

// netConf is net-conf.json. It always names a backend: without one flanneld
// takes udp, whatever its documentation says.
func (m Module) netConf() ([]byte, error) {
	backend := map[string]any{"Type": m.Backend}
	switch {
	case m.Port == 0:
	case m.Backend == "wireguard":
		backend["ListenPort"] = m.Port
	default:
		backend["Port"] = m.Port
	}
	ours := map[string]any{"Network": m.PodCIDR.String(), "Backend": backend}
	merged, err := passthrough.Plain(passthrough.Merge(ours, m.Config))
	if err != nil {
		return nil, err
	}
	content, err := json.MarshalIndent(merged, "", "  ")
	return append(content, '\n'), err
}

// unit keeps /run/flannel over restarts: flanneld reads its former subnet
// there. /etc is read-only to it but for the directory of the script's output.
func (m Module) unit() string {
	argv := append([]string{
		"/usr/local/bin/flanneld",
		"--kube-subnet-mgr",
		"--kubeconfig-file=" + kubeconfig,
		"--net-config-path=" + netConfPath,
		"--iface=" + m.Iface,
		"--ip-masq",
		"--subnet-file=" + subnetFile,
	}, passthrough.Flags(m.Flags)...)
	return `[Unit]
Description=flannel, the pod network
Documentation=https://github.com/flannel-io/flannel
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
Environment=NODE_NAME=` + m.Node + `
ExecStart=` + resource.Exec(argv...) + `
ExecStartPost=` + scriptPath + `
Restart=always
RestartSec=5
RuntimeDirectory=flannel
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_MODULE
NoNewPrivileges=yes
ProtectSystem=full
ReadWritePaths=` + cniDir + `
ProtectHome=yes
PrivateTmp=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`
}
