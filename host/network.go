package host

import "context"

// NetworkReader reads how a host is connected.
type NetworkReader interface {
	// Network lists links, addresses and routes of the host.
	Network(ctx context.Context) (Network, error)

	// Sockets lists the sockets that listen (TCP) or are bound (UDP), with
	// the processes that hold them.
	Sockets(ctx context.Context) ([]Socket, error)

	// Firewall lists the chains through which the kernel's packet filter
	// takes all that comes in or is forwarded. A filter that is not in the
	// kernel is not loaded for it: it has no chains.
	Firewall(ctx context.Context) ([]Chain, error)

	// Lookup asks for the addresses of names, in their order, as the
	// components on the host do: /etc/hosts and the name servers. A name
	// without addresses is no error. It ends after a second.
	Lookup(ctx context.Context, names []string) ([]Resolved, error)
}

// Network is links, addresses and routes.
type Network struct {
	Links  []NetLink  `json:"links"`
	Routes []NetRoute `json:"routes"`
}

// NetLink is an interface.
type NetLink struct {
	Name string `json:"name"`
	Type string `json:"type"` // device, bridge, vxlan, tuntap, veth, ...
	MTU  int    `json:"mtu"`
	Up   bool   `json:"up"`
	MAC  string `json:"mac,omitempty"`
	// Master is the bridge or the like that it is a port of.
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

// A Chain is one of the packet filter that the kernel calls by itself.
type Chain struct {
	Family string `json:"family"` // ip, ip6, inet
	Table  string `json:"table"`
	Name   string `json:"name"`
	Hook   string `json:"hook"`           // input or forward
	Policy string `json:"policy"`         // accept or drop: of what no rule decided
	Last   string `json:"last,omitempty"` // drop or reject if its last rule does that to all that is left
}

// Resolved is what a name stands for.
type Resolved struct {
	Name  string   `json:"name"`
	Addrs []string `json:"addrs,omitempty"`
	Err   string   `json:"err,omitempty"` // why there are none
}

// Socket is one that listens (tcp) or is bound (udp).
type Socket struct {
	Proto   string `json:"proto"` // tcp or udp
	Addr    string `json:"addr"`  // 0.0.0.0, ::, 127.0.0.1, ...
	Port    int    `json:"port"`
	PID     int    `json:"pid,omitempty"`     // 0 for the kernel's own
	Process string `json:"process,omitempty"` // its name
	Unit    string `json:"unit,omitempty"`    // the systemd unit it belongs to
	State   string `json:"state,omitempty"`   // R, S, D, T (stopped), Z of the process
}
