package sshhost

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// A Target is a machine to connect to, and how to log in.
type Target struct {
	Name         string   // for messages; "" is the address
	Address      string   // host name, IP address, or a Host in ~/.ssh/config
	Port         int      // 0 is the one in ~/.ssh/config, or 22
	User         string   // "" is the one in ~/.ssh/config, or root
	IdentityFile string   // a private key; "" is the one in ~/.ssh/config, or id_ed25519, id_ecdsa and id_rsa in ~/.ssh
	Agent        bool     // use the ssh-agent at SSH_AUTH_SOCK
	KnownHosts   []string // files; none is ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts
	// HostKey pins the host's key; KnownHosts is not read then. It has one
	// pin per line, and any one of them suffices: "ssh-ed25519 AAAA...",
	// "SHA256:...", or "@cert-authority ssh-ed25519 AAAA..." for a CA of host
	// keys.
	HostKey        string
	Become         bool    // start the agent with sudo
	BecomePassword Secret  // nil or "" if sudo asks for none
	Bastion        *Target // dialled first; nil is the ProxyJump in ~/.ssh/config, or none

	note string // why the ssh_config was not used
}

// A Secret is a string that must not be printed; spec.Secret is one.
type Secret interface{ Reveal() string }

// Options are the same for all hosts of a run.
type Options struct {
	ReadOnly   bool          // start an agent that cannot change the host
	Executable string        // what to copy to the host; "" is this program
	ConfigFile string        // ssh_config(5); "" is ~/.ssh/config
	Handshake  time.Duration // from dialling to being logged in, retries included; 0 is 10 s
	Start      time.Duration // from the login to the agent's first line, without copying it; 0 is 20 s
	Keepalive  time.Duration // between two keepalive requests; 0 is 5 s
	Lost       time.Duration // the connection is lost after this time without an answer; 0 is 15 s

	// Trace is called after every call to the agent, from several goroutines
	// at once.
	Trace func(method string, took time.Duration, err error)

	// Progress is called while the agent is copied, with bytes sent and in
	// total.
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

// hostport returns the address to dial, which is also the name in
// known_hosts.
func (t Target) hostport() string {
	return net.JoinHostPort(t.Address, strconv.Itoa(t.Port))
}

// label returns the target's name in messages: cp-1 (deploy@192.0.2.11:22).
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

// home returns a path below the user's home directory; "" if there is none.
func home(elem ...string) string {
	dir, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(append([]string{dir}, elem...)...)
}
