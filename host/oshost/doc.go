// Package oshost is this machine as a host.Host, for Linux with systemd: it
// is what an agent serves. It owns how things are read and changed here.
// Which calls are allowed is decided by the agent.
package oshost
