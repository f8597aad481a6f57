package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/tools/txtar"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/plan/plantest"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/sshhost/sshtest"
)

// A world is a folder with a spec, and the hosts of that spec, in memory behind
// real SSH servers.
type world struct {
	dir   string
	hosts []*fakeHost
}

// A fakeHost is one of these hosts.
type fakeHost struct {
	*hosttest.Host
	server   *sshtest.Server
	sent     *traffic // by its agents
	received *traffic
	login    login
	locked   host.Session // the session of another run that holds the lock
}

// login is the way to log in to a host.
type login struct {
	user, sudo, password string // sudo: nopasswd, password, refused
}

// traffic is all bytes that went in one direction.
type traffic struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *traffic) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// holds reports whether these bytes are in the traffic.
func (s *traffic) holds(b []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Contains(s.b.Bytes(), b)
}

// newWorld fills a folder with small files in place of programs and images, and
// with a spec of all hosts unless there is one.
func newWorld(dir string) (*world, error) {
	w := &world{dir: dir}
	if err := w.writeComponents(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(w.path("cluster.hcl")); !errors.Is(err, fs.ErrNotExist) {
		return w, err
	}
	return w, os.WriteFile(w.path("cluster.hcl"), []byte(clusterSpec), 0o644)
}

const clusterSpec = `variable "sudo" {
  type      = string
  default   = ""
  sensitive = true
}

locals {
  hosts = { for h in jsondecode(file("hosts.json")) : h.name => h }
  built = jsondecode(file("components.json"))
}

cluster "lab" {
  kubernetes_version = "1.36.3"
  pod_cidr           = "10.244.0.0/16"
}

network "flannel" {
  backend = "udp"
}

ssh {
  identity_file = "id_ed25519"
  known_hosts   = "known_hosts"
  agent         = false
}

host "all" {
  for_each = local.hosts
  address  = each.value.address
  roles    = each.key == "cp-1" ? ["control-plane", "etcd"] : ["worker"]

  ssh {
    address         = "127.0.0.1"
    port            = each.value.port
    user            = each.value.user
    become          = each.value.user != "root"
    become_password = var.sudo == "" ? null : var.sudo
  }
}

component "all" {
  for_each = local.built.components
  source   = each.value.source
  sha256   = each.value.sha256
}

image "all" {
  for_each = local.built.images
  name     = each.value.name
  source   = each.value.source
  sha256   = each.value.sha256
}
`

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// writeComponents writes a small file for each program and image.
func (w *world) writeComponents() error {
	type entry struct {
		Name   string `json:"name,omitempty"`
		Source string `json:"source"`
		SHA256 string `json:"sha256"`
	}
	built := map[string]map[string]entry{"components": {}, "images": {}}
	put := func(kind, key, name, file string, content []byte) error {
		sum := sha256.Sum256(content)
		built[kind][key] = entry{name, file, hex.EncodeToString(sum[:])}
		return os.WriteFile(w.path(file), content, 0o644)
	}
	if err := os.MkdirAll(w.path("components"), 0o755); err != nil {
		return err
	}
	for _, name := range plantest.Components() {
		if err := put("components", name, "", "components/"+name, []byte("\x7fELF "+name+" 1.36.3\n")); err != nil {
			return err
		}
	}
	for key, name := range plantest.Images {
		if err := put("images", key, name, "components/"+key+".tar", plantest.Image(name)); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(built, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(w.path("components.json"), text, 0o644)
}

// start starts a host and writes its access data into the folder.
func (w *world) start(name string, l login, archive *txtar.Archive) (*fakeHost, error) {
	if l.user == "" {
		l.user = "root"
	}
	h := &fakeHost{Host: hosttest.New(name, hosttest.WithAddress(fmt.Sprintf("192.0.2.%d", 11+len(w.hosts)))), sent: &traffic{}, received: &traffic{}, login: l}
	if archive != nil {
		hosttest.WithArchive(archive)(h.Admin())
	}
	sudo := map[string]sshtest.Sudo{"nopasswd": sshtest.NoPassword, "password": sshtest.WithPassword, "refused": sshtest.NotAllowed}[l.sudo]
	var err error
	h.server, err = sshtest.Start(h.Host, sshtest.Config{User: l.user, Sudo: sudo, Password: l.password, Output: h.sent, Input: h.received})
	if err != nil {
		return nil, err
	}
	w.hosts = append(w.hosts, h)
	var all []*hosttest.Host
	for _, h := range w.hosts {
		all = append(all, h.Host)
	}
	hosttest.NewCluster(all...)
	return h, w.writeAccess()
}

// writeAccess writes hosts.json, known_hosts and the key.
func (w *world) writeAccess() error {
	var list []map[string]any
	var known []byte
	for i, h := range w.hosts {
		_, port, _ := net.SplitHostPort(h.server.Addr)
		n, _ := strconv.Atoi(port)
		list = append(list, map[string]any{"name": h.Name(), "address": fmt.Sprintf("192.0.2.%d", 11+i), "port": n, "user": h.login.user})
		lines, err := os.ReadFile(h.server.KnownHosts())
		if err != nil {
			return err
		}
		known = append(known, lines...)
	}
	key, err := os.ReadFile(w.hosts[0].server.IdentityFile())
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(w.path("hosts.json"), text, 0o644),
		os.WriteFile(w.path("known_hosts"), known, 0o600), os.WriteFile(w.path("id_ed25519"), key, 0o600))
}

// close ends all servers.
func (w *world) close() {
	for _, h := range w.hosts {
		if h.locked != nil {
			_ = h.locked.Close()
		}
		_ = h.server.Close()
	}
}

// find returns the host of that name.
func (w *world) find(name string) (*fakeHost, error) {
	for _, h := range w.hosts {
		if h.Name() == name {
			return h, nil
		}
	}
	return nil, fmt.Errorf("there is no host %s; fakehost starts one", name)
}

// changes returns the changes made on a host, or on all of them.
func (w *world) changes(name string) string {
	var b strings.Builder
	for _, h := range w.hosts {
		if name != "" && h.Name() != name {
			continue
		}
		for _, e := range h.Log() {
			fmt.Fprintf(&b, "%s: %s\n", h.Name(), e)
		}
	}
	return b.String()
}

// leaks returns the private keys of all hosts that are in text or in the
// traffic from the agents.
func (w *world) leaks(text []byte) []string {
	var found []string
	for _, on := range w.hosts {
		for _, p := range on.secrets() {
			for _, form := range keyForms(on.Peek(p)) {
				for _, h := range w.hosts {
					if h.sent.holds(form) {
						found = append(found, fmt.Sprintf("%s:%s was sent by %s", on.Name(), p, h.Name()))
					}
				}
				if bytes.Contains(text, form) {
					found = append(found, fmt.Sprintf("%s:%s is in the output", on.Name(), p))
				}
			}
		}
	}
	return found
}

// secrets returns the paths of a host's private keys.
func (h *fakeHost) secrets() []string {
	var paths []string
	for p := range h.Stamps() {
		if strings.HasPrefix(p, "/") && bytes.Contains(h.Peek(p), []byte("PRIVATE KEY-----")) {
			paths = append(paths, p)
		}
	}
	return paths
}

// consoleWrite writes a file as root at the console would.
func (h *fakeHost) consoleWrite(p, content string, mode uint32) {
	hosttest.WithSpec(host.FileSpec{Path: p, Mode: mode, Content: []byte(content)})(h.Admin())
}

// lock locks the host for another run, until the test ends or unlocks it.
func (h *fakeHost) lock() error {
	s, err := sshhost.Dial(ctx(), h.server.Target(), h.server.Options())
	if err != nil {
		return err
	}
	h.locked = s
	return s.Lock(ctx(), host.LockRequest{Run: "0badcafe", Who: "bob@desk", For: "apply"})
}
