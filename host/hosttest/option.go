package hosttest

import (
	"context"
	"net"
	"path"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// An Option makes a host other than bare. It panics if it cannot.
type Option func(*Host)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// WithAddress gives the host one interface, eth0, with this address, either
// in CIDR form or in a /24.
func WithAddress(addr string) Option {
	return func(h *Host) {
		if !strings.Contains(addr, "/") {
			addr += "/24"
		}
		h.network = networkOf(addr)
	}
}

// WithNetwork gives the host links and routes.
func WithNetwork(n host.Network) Option { return func(h *Host) { h.network = n } }

// networkOf returns eth0 with an address, and a default route through the
// first address of its network.
func networkOf(cidr string) host.Network {
	ip, subnet, err := net.ParseCIDR(cidr)
	must(err)
	gateway := append(net.IP(nil), subnet.IP...)
	gateway[len(gateway)-1]++
	all := "0.0.0.0/0"
	if ip.To4() == nil {
		all = "::/0"
	}
	return host.Network{
		Links: []host.NetLink{
			{Name: "lo", Type: "device", MTU: 65536, Up: true, Addrs: []string{"127.0.0.1/8", "::1/128"}},
			{Name: "eth0", Type: "device", MTU: 1500, Up: true, Addrs: []string{cidr}},
		},
		Routes: []host.NetRoute{{Dst: all, Via: gateway.String(), Dev: "eth0"}, {Dst: subnet.String(), Dev: "eth0", Src: ip.String()}},
	}
}

// WithFacts changes the host's facts. Now is the time of day unless it is
// set.
func WithFacts(edit func(*host.Facts)) Option {
	return func(h *Host) {
		h.mu.Lock() // tests change facts while agents read them
		defer h.mu.Unlock()
		edit(&h.facts)
	}
}

// WithSkew sets the host's clock apart from ours.
func WithSkew(d time.Duration) Option { return func(h *Host) { h.skew = d } }

// WithLatency makes every call take this long.
func WithLatency(d time.Duration) Option {
	return func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.latency = d
	}
}

func WithDir(p string) Option {
	return func(h *Host) { must(h.MakeDir(context.Background(), host.DirSpec{Path: p, Mode: 0o755})) }
}

// WithFile writes a file and makes missing directories.
func WithFile(p, content string) Option {
	return WithSpec(host.FileSpec{Path: p, Mode: 0o644, Content: []byte(content)})
}

// WithSpec writes a file and makes missing directories.
func WithSpec(f host.FileSpec) Option {
	return func(h *Host) {
		if h.tree.open(path.Dir(f.Path)) == nil {
			WithDir(path.Dir(f.Path))(h)
		}
		must(h.WriteFile(context.Background(), f))
	}
}

// WithPrograms puts executable files into /usr/local/bin, or at an absolute
// path.
func WithPrograms(names ...string) Option {
	return func(h *Host) {
		for _, name := range names {
			p := name
			if !path.IsAbs(p) {
				p = "/usr/local/bin/" + name
			}
			WithSpec(host.FileSpec{Path: p, Mode: 0o755, Content: []byte("\x7fELF " + path.Base(p) + "\n")})(h)
		}
	}
}

// WithoutPrograms removes programs of the bare system.
func WithoutPrograms(names ...string) Option {
	return func(h *Host) {
		for _, name := range names {
			must(h.Remove(context.Background(), h.programPath(name)))
		}
	}
}

// WithUsers makes system users.
func WithUsers(names ...string) Option {
	return func(h *Host) {
		for _, name := range names {
			must(h.addUser(name, ""))
		}
	}
}

// WithFeatures sets what the kernel has or can load. A feature with only a
// name is removed.
func WithFeatures(features ...host.KernelFeature) Option {
	return func(h *Host) {
		for _, f := range features {
			h.features[f.Name] = f
		}
	}
}

// WithSysctl sets a setting, also one that the kernel lacked.
func WithSysctl(name, value string) Option { return func(h *Host) { h.sysctls[name] = value } }

// WithSocket makes a process without a unit hold a socket.
func WithSocket(s host.Socket) Option { return func(h *Host) { h.Listen(s) } }

// WithImages puts images into containerd.
func WithImages(names ...string) Option {
	return func(h *Host) {
		for _, name := range names {
			h.images[name] = true
		}
	}
}

// WithService runs a unit without settings for each of these programs, so
// that code which waits for "kube-apiserver" finds it.
func WithService(programs ...string) Option {
	return func(h *Host) {
		ctx := context.Background()
		for _, program := range programs {
			name := path.Base(program)
			WithPrograms(name)(h)
			WithFile("/etc/systemd/system/"+name+".service",
				"[Unit]\nDescription="+name+"\n\n[Service]\nExecStart=/usr/local/bin/"+name+"\n\n[Install]\nWantedBy=multi-user.target\n")(h)
			must(h.Unit(ctx, name+".service", host.Enable))
			must(h.Unit(ctx, "", host.Reload))
			must(h.Unit(ctx, name+".service", host.Start))
		}
	}
}
