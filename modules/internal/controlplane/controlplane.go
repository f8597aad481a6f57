// Package controlplane holds what etcd, the API server, the
// controller-manager and the scheduler have in common: a native unit that
// runs as a user of its own, flags one a line, and a health endpoint.
package controlplane

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/passthrough"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// Args are a component's flags: own ones, over them those the spec passes
// through, and its feature gates.
func Args(own, extra map[string]string, gates map[string]bool) []string {
	flags := maps.Clone(own)
	maps.Copy(flags, extra)
	if g := Gates(gates); g != "" {
		if f := flags["feature-gates"]; f != "" {
			g = f + "," + g
		}
		flags["feature-gates"] = g
	}
	return passthrough.Flags(flags)
}

// Gates are feature gates as a flag has them: A=true,B=false.
func Gates(gates map[string]bool) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(gates)) {
		list = append(list, fmt.Sprintf("%s=%t", name, gates[name]))
	}
	return strings.Join(list, ",")
}

// Unit is a component's unit file.
type Unit struct {
	What  string   // Kubernetes API server
	After string   // units that start before it, if they start
	Type  string   // notify, or simple where a component does not tell
	User  string   // and group
	Binds bool     // a port below 1024
	Argv  []string // an absolute path first
}

// String is the file. What is closed to the component is what it has no use
// for: these options cost nothing and need no mount of the host's.
// ProtectSystem is full, not strict: an audit log may be asked for.
func (u Unit) String() string {
	capabilities := ""
	if u.Binds {
		capabilities = "CAP_NET_BIND_SERVICE"
	}
	return fmt.Sprintf(`[Unit]
Description=%s
Wants=network-online.target
After=network-online.target %s
StartLimitIntervalSec=0

[Service]
Type=%s
User=%s
Group=%s
ExecStart=%s
Restart=always
RestartSec=3
AmbientCapabilities=%s
CapabilityBoundingSet=%s
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=full
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`, u.What, u.After, u.Type, u.User, u.User, resource.Exec(u.Argv...), capabilities, capabilities)
}

// limit is how long a component may take to serve; a small machine with all
// of a control plane starting at once needs half of it.
const limit = 90 * time.Second

// Ready waits until a health endpoint of the host says 200.
func Ready(what string, r host.GetRequest) func(context.Context, host.Host) error {
	return func(ctx context.Context, h host.Host) error {
		return resource.WaitFor(ctx, what+" to be healthy at "+r.URL, limit, func(ctx context.Context) error {
			resp, err := h.Get(ctx, r)
			if err != nil {
				return err
			}
			if resp.Status != http.StatusOK {
				return fmt.Errorf("status %d: %s", resp.Status, firstLines(resp.Body))
			}
			return nil
		})
	}
}

// firstLines is enough of an answer to see what is not well: /readyz lists
// its checks, the failed ones marked [-].
func firstLines(body []byte) string {
	var bad, all []string
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		all = append(all, line)
		if strings.HasPrefix(line, "[-]") {
			bad = append(bad, line)
		}
	}
	if len(bad) > 0 {
		all = bad
	}
	return strings.Join(all[:min(3, len(all))], "; ")
}

// Health is where a component with these flags tells how it is.
func Health(own, extra map[string]string, path, ca string) host.GetRequest {
	flags := maps.Clone(own)
	maps.Copy(flags, extra)
	return host.GetRequest{URL: "https://" + net.JoinHostPort(Local(flags["bind-address"]), flags["secure-port"]) + path, CAPath: ca}
}

// Local is the address at which the host itself reaches what listens at
// address.
func Local(address string) string {
	if a := net.ParseIP(address); a == nil || a.IsUnspecified() {
		return "127.0.0.1"
	}
	return address
}
