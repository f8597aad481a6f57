package hosttest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// listens are the sockets of components with default settings. Each has the
// flag or the line of the configuration that changes its port.
var listens = map[string][]struct {
	proto, addr string
	port        int
	flag, field string
}{
	"kubelet":                 {{"tcp", "::", 10250, "--port", "port"}, {"tcp", "127.0.0.1", 10248, "--healthz-port", "healthzPort"}},
	"kube-apiserver":          {{"tcp", "::", 6443, "--secure-port", ""}},
	"kube-controller-manager": {{"tcp", "::", 10257, "--secure-port", ""}},
	"kube-scheduler":          {{"tcp", "::", 10259, "--secure-port", ""}},
	"kube-proxy":              {{"tcp", "::", 10256, "", "healthzBindAddress"}, {"tcp", "127.0.0.1", 10249, "", "metricsBindAddress"}},
	"etcd":                    {{"tcp", "::", 2379, "--listen-client-urls", "listen-client-urls"}, {"tcp", "::", 2380, "--listen-peer-urls", "listen-peer-urls"}, {"tcp", "127.0.0.1", 2381, "--listen-metrics-urls", "listen-metrics-urls"}},
	"flanneld":                {{"tcp", "::", 0, "--healthz-port", ""}},
}

// fieldLines match the fields of configurations.
var fieldLines = func() map[string]*regexp.Regexp {
	lines := map[string]*regexp.Regexp{}
	for _, sockets := range listens {
		for _, l := range sockets {
			lines[l.field] = regexp.MustCompile(`(?m)^"?` + l.field + `"?: *"?([^"\n]+)`)
		}
	}
	return lines
}()

var (
	backendType = regexp.MustCompile(`"Type": *"([a-z-]+)"`)
	backendPort = regexp.MustCompile(`"(?:Port|ListenPort)": *([0-9]+)`)
)

// flannelPorts are the UDP ports of flannel's backends. The kernel holds
// them, except udp's.
var flannelPorts = map[string]int{"udp": 8285, "vxlan": 8472, "wireguard": 51820}

// Sockets implements host.Reader.
func (h *Host) Sockets(ctx context.Context) ([]host.Socket, error) {
	var sockets []host.Socket
	err := h.read(ctx, "Sockets", "", func() error {
		sockets = h.sockets()
		return nil
	})
	return sockets, err
}

// Listen makes a process without a unit hold a socket.
func (h *Host) Listen(s host.Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.State == "" {
		s.State = "S"
	}
	h.foreign = append(h.foreign, s)
	h.moved = true
	h.push()
}

func (m *machine) sockets() []host.Socket {
	all := append([]host.Socket(nil), m.foreign...)
	for name, u := range m.units {
		if u.active == "active" && u.sub == "running" && u.file != nil {
			all = append(all, m.socketsOf(name, u)...)
		}
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].Port != all[j].Port {
			return all[i].Port < all[j].Port
		}
		return all[i].Proto+all[i].Addr < all[j].Proto+all[j].Addr
	})
	return all
}

func (m *machine) socketsOf(name string, u *unit) []host.Socket {
	argv := splitWords(u.file.last("Service.ExecStart"))
	if len(argv) == 0 {
		return nil
	}
	process := path.Base(strings.TrimLeft(argv[0], "-@:+!|"))
	config := m.configText(argv)
	var sockets []host.Socket
	for _, l := range listens[process] {
		s := host.Socket{Proto: l.proto, Addr: l.addr, Port: l.port, PID: u.pid, Process: process, Unit: name, State: "S"}
		if v := flagValue(argv, l.flag); v != "" {
			moveTo(&s, v)
		}
		if l.field != "" {
			if match := fieldLines[l.field].FindStringSubmatch(config); match != nil {
				moveTo(&s, match[1])
			}
		}
		if s.Port != 0 {
			sockets = append(sockets, s)
		}
	}
	if process == "flanneld" {
		sockets = append(sockets, flannelSocket(config, u.pid, name)...)
	}
	return sockets
}

// moveTo sets the port, and the address if there is one, from "10260",
// "127.0.0.1:10260" or "https://192.0.2.1:2379,https://...".
func moveTo(s *host.Socket, v string) {
	v = strings.TrimSpace(v)
	if first, _, _ := strings.Cut(v, ","); strings.Contains(first, "://") {
		u, err := url.Parse(first)
		if err != nil {
			return
		}
		v = u.Host
	}
	addr, port, err := net.SplitHostPort(v)
	if err != nil {
		addr, port = "", v
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return
	}
	s.Port = n
	if addr != "" {
		s.Addr = addr
	}
}

func flannelSocket(config string, pid int, name string) []host.Socket {
	match := backendType.FindStringSubmatch(config)
	if match == nil || flannelPorts[match[1]] == 0 {
		return nil
	}
	s := host.Socket{Proto: "udp", Addr: "0.0.0.0", Port: flannelPorts[match[1]]}
	if port := backendPort.FindStringSubmatch(config); port != nil {
		moveTo(&s, port[1])
	}
	if match[1] == "udp" {
		s.PID, s.Process, s.Unit, s.State = pid, "flanneld", name, "S"
	}
	return []host.Socket{s}
}

// configText returns the content of the files that a command's flags name.
func (m *machine) configText(argv []string) string {
	var b strings.Builder
	for _, flag := range []string{"--config", "--config-file", "--net-config-path"} {
		if n := m.tree.open(flagValue(argv, flag)); n != nil {
			b.Write(n.content)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// flagValue returns the value of --flag=value or --flag value.
func flagValue(argv []string, flag string) string {
	value := ""
	for i, a := range argv {
		a = "--" + strings.TrimLeft(a, "-")
		if v, ok := strings.CutPrefix(a, flag+"="); ok && flag != "" {
			value = v
		} else if a == flag && i+1 < len(argv) {
			value = argv[i+1]
		}
	}
	return value
}

// runs reports whether an active unit runs the program.
func (m *machine) runs(program string) bool { return m.unitOf(program) != nil }

func (m *machine) unitOf(program string) *unit {
	for _, u := range m.units {
		if u.active == "active" && u.file != nil && path.Base(strings.TrimLeft(firstWord(u.file.last("Service.ExecStart")), "-@:+!|")) == program {
			return u
		}
	}
	return nil
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// Get implements host.Reader. Any component that listens at the port answers
// 200 "ok".
func (h *Host) Get(ctx context.Context, r host.GetRequest) (host.KubeResponse, error) {
	var answer host.KubeResponse
	err := h.read(ctx, "Get", r.URL, func() error {
		for _, p := range []string{r.CAPath, r.CertPath, r.KeyPath} {
			if p == "" {
				continue
			}
			if _, err := h.content(p); err != nil {
				return err
			}
		}
		u, err := url.Parse(r.URL)
		if err != nil {
			return err
		}
		process := h.answers(u)
		if process == "" {
			return fmt.Errorf("dial tcp %s: connection refused: %w", u.Host, host.ErrUnavailable)
		}
		answer = host.KubeResponse{Status: 200, Body: []byte("ok")}
		if process == "etcd" && u.Path == "/health" {
			answer.Body = []byte(`{"health":"true","reason":""}`)
		}
		if process == "kube-proxy" {
			answer.Body = []byte(`{"lastUpdated":"2026-01-01T00:00:00Z","status":{"IPv4":{"lastUpdated":"2026-01-01T00:00:00Z","healthy":true}}}`)
		}
		if body, ok := h.readings.answers[r.URL]; ok {
			answer.Body = []byte(body)
		}
		return nil
	})
	return answer, err
}

// answers returns the process that serves a URL, here or on another host.
func (m *machine) answers(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	ip := net.ParseIP(u.Hostname())
	if u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() || m.hasAddress(u.Hostname()) {
		return serving(m.sockets(), u.Hostname(), port)
	}
	return m.cluster.serving(u.Hostname(), port)
}

func serving(sockets []host.Socket, addr, port string) string {
	loopback := addr == "localhost" || net.ParseIP(addr).IsLoopback()
	for _, s := range sockets {
		any := s.Addr == "::" || s.Addr == "0.0.0.0" || s.Addr == ""
		if s.Proto == "tcp" && strconv.Itoa(s.Port) == port && (any || s.Addr == addr || loopback && net.ParseIP(s.Addr).IsLoopback()) {
			return s.Process
		}
	}
	return ""
}

func (m *machine) addresses() []string {
	var addrs []string
	for _, l := range m.network.Links {
		for _, a := range l.Addrs {
			ip, _, _ := strings.Cut(a, "/")
			addrs = append(addrs, ip)
		}
	}
	return addrs
}

func (m *machine) hasAddress(addr string) bool {
	for _, a := range m.addresses() {
		if a == addr {
			return true
		}
	}
	return false
}
