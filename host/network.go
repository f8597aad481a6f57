package host

import "context"

// NetworkReader reads interfaces, routes, sockets and the packet filter, and
// resolves names.
type NetworkReader interface {
	Network(ctx context.Context) (Network, error)

	// Sockets lists the sockets that listen (TCP) or are bound (UDP), with
	// the processes that hold them.
	Sockets(ctx context.Context) ([]Socket, error)

	// Firewall lists the chains of the kernel's packet filter through which
	// all incoming or forwarded packets go. A filter that the kernel has not
	// loaded has no chains; it is not loaded for this call.
	Firewall(ctx context.Context) ([]Chain, error)

	// Lookup returns the addresses of names, in their order. It asks as the
	// components on the host do: /etc/hosts and the name servers. A name
	// without addresses is no error. It ends after one second.
	Lookup(ctx context.Context, names []string) ([]Resolved, error)
}

// Network is the links, addresses and routes of a host.
type Network struct {
	Links  []NetLink  `json:"links"`
	Routes []NetRoute `json:"routes"`
}

// NetLink is a network interface.
type NetLink struct {
	Name string `json:"name"`
	Type string `json:"type"` // device, bridge, vxlan, tuntap, veth, ...
	MTU  int    `json:"mtu"`
	Up   bool   `json:"up"`
	MAC  string `json:"mac,omitempty"`
	// Master is the interface that this one is a port of, such as a bridge.
	Master string   `json:"master,omitempty"`
	Addrs  []string `json:"addrs,omitempty"` // in CIDR form: 192.0.2.11/24
}

// NetRoute is a route of the main table.
type NetRoute struct {
	Dst string `json:"dst"` // CIDR; "0.0.0.0/0" or "::/0" is the default route
	Via string `json:"via,omitempty"`
	Dev string `json:"dev"`
	Src string `json:"src,omitempty"`
}

// A Chain is a chain of the packet filter that the kernel calls by itself.
type Chain struct {
	Family string `json:"family"` // ip, ip6, inet
	Table  string `json:"table"`
	Name   string `json:"name"`
	Hook   string `json:"hook"`           // input or forward
	Policy string `json:"policy"`         // accept or drop, for packets that no rule decides on
	Last   string `json:"last,omitempty"` // drop or reject if the last rule does that to all packets
}

// Resolved is a name and its addresses.
type Resolved struct {
	Name  string   `json:"name"`
	Addrs []string `json:"addrs,omitempty"`
	Err   string   `json:"err,omitempty"` // why there are no addresses
}

// Socket is a TCP socket that listens or a UDP socket that is bound.
type Socket struct {
	Proto   string `json:"proto"` // tcp or udp
	Addr    string `json:"addr"`  // 0.0.0.0, ::, 127.0.0.1, ...
	Port    int    `json:"port"`
	PID     int    `json:"pid,omitempty"`     // 0 if the kernel itself holds it
	Process string `json:"process,omitempty"` // name of the process
	Unit    string `json:"unit,omitempty"`    // systemd unit of the process
	State   string `json:"state,omitempty"`   // state of the process: R, S, D, T (stopped), Z
}
