// Package oshost is this machine as a host.Host, for Linux with systemd: what
// an agent serves. It owns how things are read and changed here; who may ask
// for them is the agent's to decide.
package oshost
