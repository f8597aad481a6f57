package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// unit returns the unit file of a service that reads these files. It has the hash of
// its inputs, so that a restart that is still to do is a difference
// on disk.
func (s Service) unit(read []host.FileSpec) host.FileSpec {
	return host.FileSpec{Path: change.UnitFile(s.Name), Mode: 0o644, Content: []byte(s.Unit.text(s.inputs(read)))}
}

// inputs returns the hash of all that the service is to be restarted for.
func (s Service) inputs(read []host.FileSpec) string {
	sum := sha256.New()
	text := s.Unit.text("")
	fmt.Fprintf(sum, "%d\n%s", len(text), text)
	for _, f := range read {
		fmt.Fprintf(sum, "%s %d\n", f.Path, len(f.Content))
		sum.Write(f.Content)
	}
	for _, in := range s.Inputs {
		if in != "" {
			fmt.Fprintf(sum, "%s\n", in)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// A Unit is a systemd unit that starts at boot and is restarted whenever it ends. A
// field that is "" has no line.
type Unit struct {
	Description   string
	Documentation string            // URL
	Wants         string            // units that are started with it, before it
	After         string            // other units that start before it, if they are started
	Type          string            // notify, or simple or exec for a program that does not notify
	User          string            // and group; "" is root
	Environment   string            // NAME=value
	Argv          []string          // an absolute path first
	Flags         map[string]string // without the dashes, behind Argv in the order of their names
	Beside        string            // lines next to ExecStart=
	Options       string            // lines at the end of [Service]
}

// text returns the unit file with the hash of its inputs in two places. The key shows
// that the file is one of pmkctl, and the variable shows with which inputs a process
// was started. If inputs is "", the file has neither.
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
	if inputs != "" {
		line("Environment", host.InputsVar+"="+inputs)
	}
	line("Type", u.Type)
	line("User", u.User)
	line("Group", u.User)
	line("Environment", u.Environment)
	line("ExecStart", Exec(slices.Concat(u.Argv, u.flags())...))
	b.WriteString(u.Beside)
	line("Restart", "always")
	line("RestartSec", u.pause())
	b.WriteString(u.Options + "\n[Install]\nWantedBy=multi-user.target\n")
	return b.String()
}

// flags returns the flags as arguments.
func (u Unit) flags() []string {
	var args []string
	for _, k := range slices.Sorted(maps.Keys(u.Flags)) {
		args = append(args, "--"+k+"="+u.Flags[k])
	}
	return args
}

// pause returns the time before a restart. It is shorter for the control plane,
// because other services wait for it.
func (u Unit) pause() string {
	if u.User != "" {
		return "3"
	}
	return "5"
}

// Sandboxed restricts a unit that has a user of its own to what it needs. The
// options are cheap and need no mounts of the host. ProtectSystem is full and not strict, because the spec may
// ask for an audit log. binds says that the service binds a port below 1024.
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

// NetworkAdmin restricts a unit to changes of the kernel's network settings. /etc is
// read-only for it, except the paths in writes.
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
