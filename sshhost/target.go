package sshhost

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// A Target is a machine to reach and what it takes to get in.
type Target struct {
	Name         string   // for messages; "" is the address
	Address      string   // name or IP address, or a Host of ~/.ssh/config
	Port         int      // 0 is what ~/.ssh/config says, or 22
	User         string   // "" is what ~/.ssh/config says, or root
	IdentityFile string   // a private key; "" is what ~/.ssh/config says, or id_ed25519, id_ecdsa and id_rsa of ~/.ssh
	Agent        bool     // ask the ssh-agent at SSH_AUTH_SOCK
	KnownHosts   []string // files; none is ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts
	// HostKey pins the host; KnownHosts is not read then. One pin a line,
	// any of which will do: "ssh-ed25519 AAAA...", "SHA256:...", or
	// "@cert-authority ssh-ed25519 AAAA..." for a CA of host keys.
	HostKey        string
	Become         bool    // start the agent with sudo
	BecomePassword Secret  // nil or "" where sudo asks for none
	Bastion        *Target // dialled first; nil is what ~/.ssh/config's ProxyJump says, or none

	note string // why the ssh_config was not used
}

// A Secret is a string that must not be printed; spec.Secret is one.
type Secret interface{ Reveal() string }

// Options are what a run decides, the same for all hosts.
type Options struct {
	ReadOnly   bool          // start an agent that cannot change the host
	Executable string        // what to copy to the host; "" is this program
	ConfigFile string        // ssh_config(5); "" is ~/.ssh/config
	Handshake  time.Duration // from dialling to being logged in, retries included; 0 is 10 s
	Start      time.Duration // from there to the agent's first word, without a copy; 0 is 20 s
	Keepalive  time.Duration // between two signs of life; 0 is 5 s
	Lost       time.Duration // without an answer until the connection is given up; 0 is 15 s

	// Trace is told of every call to the agent; several at once.
	Trace func(method string, took time.Duration, err error)

	// Progress is told of a copy of the agent: bytes sent of total.
	Progress func(done, total int64)
}

func (o Options) defaults() Options {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&o.Handshake, 10*time.Second)
	set(&o.Start, 20*time.Second)
	set(&o.Keepalive, 5*time.Second)
	set(&o.Lost, 15*time.Second)
	if o.ConfigFile == "" {
		o.ConfigFile = home(".ssh", "config")
	}
	return o
}

// hostport is where the target is dialled and how known_hosts calls it.
func (t Target) hostport() string {
	return net.JoinHostPort(t.Address, strconv.Itoa(t.Port))
}

// label is the target in messages: cp-1 (deploy@192.0.2.11:22).
func (t Target) label() string {
	where := t.User + "@" + t.hostport()
	if t.Name == "" || t.Name == t.Address {
		return where
	}
	return t.Name + " (" + where + ")"
}

func (t Target) password() string {
	if t.BecomePassword == nil {
		return ""
	}
	return t.BecomePassword.Reveal()
}

// home is a path below the user's home directory; "" if there is none.
func home(elem ...string) string {
	dir, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(append([]string{dir}, elem...)...)
}
