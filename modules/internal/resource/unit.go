package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// unit is the unit file of a service that reads these files. It has the hash
// of all that the service depends on, so that a restart which is still owed
// shows as a difference on disk.
func (s Service) unit(read []host.FileSpec) host.FileSpec {
	sum := sha256.New()
	for _, f := range read {
		fmt.Fprintf(sum, "%s %d\n", f.Path, len(f.Content))
		sum.Write(f.Content)
	}
	for _, in := range s.Inputs {
		if in != "" {
			fmt.Fprintf(sum, "%s\n", in)
		}
	}
	inputs := hex.EncodeToString(sum.Sum(nil)[:16])
	return host.FileSpec{Path: change.UnitFile(s.Name), Mode: 0o644, Content: []byte(s.Unit.text(inputs))}
}

// A Unit is a systemd unit that starts at boot, and again whenever it ends.
// What is "" has no line.
type Unit struct {
	Description   string
	Documentation string   // URL
	Wants         string   // units that are started with it, and before it
	After         string   // more units that start before it, if they start
	Type          string   // notify, or simple or exec where a program does not notify
	User          string   // and group; "" is root
	Environment   string   // NAME=value
	Argv          []string // an absolute path first
	Beside        string   // lines next to ExecStart=
	Options       string   // lines at the end of [Service]
}

// text is the unit file, marked as made from these inputs.
func (u Unit) text(inputs string) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			b.WriteString(name + "=" + value + "\n")
		}
	}
	b.WriteString("[Unit]\n")
	line(change.InputsKey, inputs)
	line("Description", u.Description)
	line("Documentation", u.Documentation)
	line("Wants", u.Wants)
	line("After", strings.TrimSpace(u.Wants+" "+u.After))
	b.WriteString("StartLimitIntervalSec=0\n\n[Service]\n")
	line("Type", u.Type)
	line("User", u.User)
	line("Group", u.User)
	line("Environment", u.Environment)
	line("ExecStart", Exec(u.Argv...))
	b.WriteString(u.Beside)
	line("Restart", "always")
	line("RestartSec", u.pause())
	b.WriteString(u.Options + "\n[Install]\nWantedBy=multi-user.target\n")
	return b.String()
}

// pause is shorter for what others wait for: the control plane.
func (u Unit) pause() string {
	if u.User != "" {
		return "3"
	}
	return "5"
}

// Sandboxed closes to a unit with a user of its own what it has no use for:
// these options cost nothing and need no mount of the host's. ProtectSystem
// is full, not strict: an audit log may be asked for. binds is a port below
// 1024.
func (u Unit) Sandboxed(binds bool) Unit {
	capabilities := ""
	if binds {
		capabilities = "CAP_NET_BIND_SERVICE"
	}
	u.Options += "AmbientCapabilities=" + capabilities + "\nCapabilityBoundingSet=" + capabilities + `
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
`
	return u
}

// NetworkAdmin closes to a unit what it has no use for that changes the
// kernel's network settings and little else. /etc is read-only to it except
// for these paths.
func (u Unit) NetworkAdmin(capabilities, writes string) Unit {
	u.Options += "CapabilityBoundingSet=" + capabilities + "\nNoNewPrivileges=yes\nProtectSystem=full\n"
	if writes != "" {
		u.Options += "ReadWritePaths=" + writes + "\n"
	}
	u.Options += `ProtectHome=yes
PrivateTmp=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
`
	return u
}
