package hosttest

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// sandbox checks what systemd needs before it starts a unit's program.
func (m *machine) sandbox(f *unitFile) error {
	if name := f.last("Service.User"); name != "" {
		if _, _, err := m.own(name, ""); err != nil {
			return &exitStatus{"exit-code", "217/USER", []string{"Failed to determine user credentials: No such process"}}
		}
	}
	if name := f.last("Service.Group"); name != "" {
		if _, _, err := m.own("", name); err != nil {
			return &exitStatus{"exit-code", "216/GROUP", []string{"Failed to determine group credentials: No such process"}}
		}
	}
	for _, p := range f.all("Service.EnvironmentFile") {
		if p[0] != '-' && m.tree.open(p) == nil {
			return &exitStatus{"resources", "", []string{"Failed to load environment files: No such file or directory"}}
		}
	}
	if p := f.last("Service.WorkingDirectory"); p != "" && p[0] == '/' && m.tree.open(p) == nil {
		return &exitStatus{"exit-code", "200/CHDIR", []string{"Changing to the requested working directory failed: No such file or directory"}}
	}
	for _, p := range append(f.words("Service.ReadWritePaths"), f.words("Service.BindPaths")...) {
		p = strings.TrimPrefix(p, "+")
		if p[0] == '/' && m.tree.open(p) == nil {
			return &exitStatus{"exit-code", "226/NAMESPACE", []string{"Failed to set up mount namespacing: " + p + ": No such file or directory"}}
		}
	}
	for key, base := range map[string]string{"StateDirectory": "/var/lib/", "RuntimeDirectory": "/run/", "LogsDirectory": "/var/log/", "ConfigurationDirectory": "/etc/", "CacheDirectory": "/var/cache/"} {
		for _, name := range f.words("Service." + key) {
			d := host.DirSpec{Path: base + strings.TrimSuffix(name, "/"), Mode: 0o755, Owner: f.last("Service.User"), Group: f.last("Service.Group")}
			if err := m.makeDir(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// exec starts a program. It must be an executable file, and its user must be
// able to read the files that it is told to read.
func (m *machine) exec(argv []string, user string) error {
	if len(argv) == 0 {
		return &exitStatus{"exit-code", "203/EXEC", []string{"no command"}}
	}
	p := argv[0]
	if p[0] != '/' {
		p = m.programPath(p)
	}
	n := m.tree.open(p)
	switch {
	case n == nil:
		return &exitStatus{"exit-code", "203/EXEC", []string{argv[0] + ": Failed to execute command: No such file or directory"}}
	case n.kind != host.Regular || n.mode&0o111 == 0:
		return &exitStatus{"exit-code", "203/EXEC", []string{argv[0] + ": Failed to execute command: Permission denied"}}
	}
	if !components[path.Base(p)] {
		return nil
	}
	for _, p := range m.inputs(argv) {
		if err := m.readable(p, user); err != "" {
			return &exitStatus{"exit-code", "1/FAILURE", []string{fmt.Sprintf("open %s: %s", p, err)}}
		}
	}
	return nil
}

// components are the programs whose flags are known well enough to recognize
// those that name files.
var components = map[string]bool{"kubelet": true, "kube-apiserver": true, "kube-controller-manager": true, "kube-scheduler": true,
	"kube-proxy": true, "etcd": true, "flanneld": true, "containerd": true}

var (
	inputFlag   = regexp.MustCompile(`^--?([a-z0-9-]*(?:config|config-path|config-file|kubeconfig|cert-file|key-file|ca-file|cafile|certfile|keyfile|ca|certificate|private-key|certificate-authority|root-ca-file))$`)
	inputInYAML = regexp.MustCompile(`(?m)^\s*(?:[a-z-]*(?:cert|key|ca)-file|clientCAFile|tlsCertFile|tlsPrivateKeyFile|kubeconfig|client-certificate|client-key|certificate-authority): "?(/[^\s"]+)`)
)

// inputs returns the files that a component reads when it starts: those that
// its flags name, and those that these name in turn.
func (m *machine) inputs(argv []string) []string {
	var files []string
	for i, a := range argv {
		flag, value, ok := strings.Cut(a, "=")
		if !ok && i+1 < len(argv) {
			value = argv[i+1]
		}
		if inputFlag.MatchString(flag) && strings.HasPrefix(value, "/") && flag != "--bootstrap-kubeconfig" {
			files = append(files, value)
		}
	}
	for _, p := range files {
		if n := m.tree.open(p); n != nil {
			for _, match := range inputInYAML.FindAllStringSubmatch(string(n.content), -1) {
				files = append(files, match[1])
			}
		}
	}
	return files
}

// readable returns why a user cannot read a file, in the words of
// strerror(3); "" if the user can.
func (m *machine) readable(p, user string) string {
	at, err := m.tree.resolve("open", p, true)
	n := m.tree.get(at)
	if err != nil || n == nil {
		return "no such file or directory"
	}
	if user == "" || user == "root" {
		return ""
	}
	if !m.may(n, user, 4) {
		return "permission denied"
	}
	for dir := path.Dir(at); dir != "/"; dir = path.Dir(dir) {
		if d := m.tree.get(dir); d != nil && !m.may(d, user, 1) {
			return "permission denied"
		}
	}
	return ""
}

// may reports whether a user has a permission bit (4 read, 1 search).
func (m *machine) may(n *node, user string, bit uint32) bool {
	switch {
	case n.owner == user:
		return n.mode>>6&bit != 0
	case m.groups[n.group] == m.users[user].gid || m.users[user].groups[n.group]:
		return n.mode>>3&bit != 0
	default:
		return n.mode&bit != 0
	}
}

// configuration returns the unit's text and the files that its settings name,
// by path, as summaries. It leaves out keys and certificates, because
// programs read them anew by themselves.
func (m *machine) configuration(f *unitFile) map[string]string {
	read := map[string]string{f.path: summary([]byte(f.text))}
	files := append([]string{}, f.all("Service.EnvironmentFile")...)
	argv := splitWords(f.last("Service.ExecStart"))
	for _, flag := range []string{"--config", "--config-file", "--net-config-path"} {
		files = append(files, flagValue(argv, flag))
	}
	for _, p := range files {
		if n := m.tree.open(strings.TrimPrefix(p, "-")); n != nil && n.kind == host.Regular {
			read[p] = summary(n.content)
		}
	}
	return read
}

// stale lists what an active unit has read that has changed since.
func (m *machine) stale(u *unit) []string {
	if u.active != "active" || u.file == nil {
		return nil
	}
	now := m.configuration(u.file)
	var paths []string
	for _, p := range sortedKeys(now) {
		if now[p] != u.read[p] {
			paths = append(paths, p)
		}
	}
	return paths
}

// programPath finds a program in root's search path.
func (m *machine) programPath(name string) string {
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if n := m.tree.open(dir + "/" + name); n != nil && n.kind == host.Regular && n.mode&0o111 != 0 {
			return dir + "/" + name
		}
	}
	return ""
}

// behave does what a program does after its start that other programs notice.
func (m *machine) behave(name string, f *unitFile) error {
	if hook := m.hooks[name]; hook != nil {
		if err := m.unlocked(hook); err != nil {
			return err
		}
	}
	argv := splitWords(f.last("Service.ExecStart"))
	if len(argv) == 0 {
		return nil
	}
	switch path.Base(argv[0]) {
	case "flanneld":
		return m.leaseSubnet(f.last("Service.ExecStartPost"))
	case "etcd":
		return m.runEtcd(f)
	case "kubelet":
		u := m.unit("kubepods.slice") // made by the kubelet, kept by systemd when it stops
		u.active, u.sub = "active", "active"
	}
	return nil
}

// unlocked runs f on the machine's console.
func (m *machine) unlocked(f func(*Host) error) error {
	m.mu.Unlock()
	defer m.mu.Lock()
	return f(&Host{machine: m, admin: true})
}

// leaseSubnet writes what flanneld writes when it has a subnet, and what the
// program after it makes from that.
func (m *machine) leaseSubnet(after string) error {
	subnet := m.cluster.podCIDR(m.nodeName())
	if subnet == "" {
		return nil
	}
	if err := m.makeDir(host.DirSpec{Path: "/run/flannel", Mode: 0o755}); err != nil {
		return err
	}
	gateway := strings.Replace(subnet, ".0/", ".1/", 1)
	text := fmt.Sprintf("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=%s\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n", gateway)
	if err := m.refresh("/run/flannel/subnet.env", text); err != nil || path.Base(after) != "write-cni" {
		return err
	}
	conflist := fmt.Sprintf(`{"cniVersion":"1.0.0","name":"flannel","plugins":[{"type":"bridge","ipam":{"type":"host-local","ranges":[[{"subnet":%q}]]}}]}`, subnet)
	return m.refresh("/etc/cni/net.d/10-flannel.conflist", conflist+"\n")
}

// refresh writes a file of a program's own unless it is already right, so
// that stamps show only what modules do.
func (m *machine) refresh(p, text string) error {
	if n := m.tree.open(p); n != nil && string(n.content) == text {
		return nil
	}
	return m.place(p, "", "", &node{kind: host.Regular, mode: 0o644, content: []byte(text)})
}
