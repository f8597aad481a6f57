package hosttest

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// Snapshot returns everything on the host that a bare one does not have, one
// line for each thing in a fixed order: files with mode, owner and digest,
// units, settings, users, images, and the objects of Kubernetes. It has no
// times, and the fields of keys and certificates rather than their bytes, so
// that hosts with different keys can be compared.
func (h *Host) Snapshot() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, p := range sortedKeys(h.tree.own) {
		if h.tree.own[p] != h.tree.base[p] {
			fmt.Fprintln(&b, h.tree.own[p].describe(p))
		}
	}
	for _, name := range sortedKeys(h.units) {
		if h.units[name].file == nil && h.units[name].active == "inactive" {
			continue
		}
		u := h.unitState(name)
		fmt.Fprintf(&b, "unit %s %s %s %s/%s %s", name, u.Load, u.Enabled, u.Active, u.Sub, u.Result)
		if u.NeedReload {
			b.WriteString(" need-reload")
		}
		if stale := h.stale(h.units[name]); len(stale) > 0 {
			fmt.Fprintf(&b, " started before %s changed", strings.Join(stale, " "))
		}
		b.WriteByte('\n')
	}
	bare := bareSysctls()
	for _, name := range sortedKeys(h.sysctls) {
		if v, ok := bare[name]; !ok || v != h.sysctls[name] {
			fmt.Fprintf(&b, "sysctl %s=%s\n", name, h.sysctls[name])
		}
	}
	features := bareFeatures()
	for _, name := range sortedKeys(h.features) {
		if h.features[name] != features[name] {
			fmt.Fprintf(&b, "feature %s present=%t loadable=%t\n", name, h.features[name].Present, h.features[name].Loadable)
		}
	}
	for _, name := range sortedKeys(h.users) {
		fmt.Fprintf(&b, "user %s %d:%d %s\n", name, h.users[name].uid, h.users[name].gid, strings.Join(sortedKeys(h.users[name].groups), ","))
	}
	for _, name := range sortedKeys(h.groups) {
		fmt.Fprintf(&b, "group %s %d\n", name, h.groups[name])
	}
	for _, name := range h.facts.Swaps {
		fmt.Fprintf(&b, "swap %s\n", name)
	}
	for _, name := range sortedKeys(h.images) {
		fmt.Fprintf(&b, "image %s\n", name)
	}
	b.WriteString(virtual(h.network) + h.remains.describe())
	b.WriteString(h.cluster.snapshot())
	return b.String()
}

func (n *node) describe(p string) string {
	switch {
	case n == nil:
		return "absent " + p
	case n.kind == host.Link:
		return fmt.Sprintf("link %s -> %s", p, n.target)
	case n.kind == host.Regular:
		return fmt.Sprintf("file %s %04o %s:%s %s", p, n.mode, n.owner, n.group, summary(n.content))
	}
	return fmt.Sprintf("%s %s %04o %s:%s", n.kind, p, n.mode, n.owner, n.group)
}

// inputsLine matches the two lines of a unit with the hash of all its service
// depends on, which includes keys.
var inputsLine = regexp.MustCompile(`(?m)^(X-Pmkctl-Inputs|Environment=PMKCTL_INPUTS)=.*$`)

// summary returns a digest, or the fields of PEM blocks.
func summary(content []byte) string {
	text := content
	if len(text) <= maxContent {
		text = inputsLine.ReplaceAll(text, []byte("$1="))
	}
	if !strings.HasPrefix(string(text), "-----BEGIN ") {
		sum := sha256.Sum256(text)
		return fmt.Sprintf("%d bytes sha256:%x", len(text), sum[:6])
	}
	var blocks []string
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		s := block.Type
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			s = fmt.Sprintf("certificate of %q by %q for %v %v, CA %t, usage %v, %s", c.Subject, c.Issuer, c.DNSNames, c.IPAddresses, c.IsCA,
				c.ExtKeyUsage, c.NotAfter.Sub(c.NotBefore).Round(time.Hour))
		}
		blocks = append(blocks, s)
	}
	return strings.Join(blocks, ", ")
}

func (c *Cluster) snapshot() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.catchUp()
	var b strings.Builder
	for _, p := range sortedKeys(c.store.objects) {
		data := clone(c.store.objects[p].data).(map[string]any)
		meta := data["metadata"].(map[string]any)
		for _, k := range []string{"uid", "resourceVersion", "creationTimestamp", "generation"} {
			delete(meta, k)
		}
		text, err := json.Marshal(data)
		must(err)
		fmt.Fprintf(&b, "object %s %s\n", p, text)
	}
	return b.String()
}

// Peek returns a file's content, private keys too; nil if there is no file.
func (h *Host) Peek(p string) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := h.tree.open(p); n != nil {
		return append([]byte{}, n.content...)
	}
	return nil
}

// Stamps returns when each file was last written and each unit last started,
// by path and unit name. It shows writes that changed nothing.
func (h *Host) Stamps() map[string]time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	stamps := map[string]time.Time{}
	for p, n := range h.tree.own {
		if n != nil {
			stamps[p] = n.mtime
		}
	}
	for name, u := range h.units {
		if !u.entered.IsZero() {
			stamps[name] = u.entered
		}
	}
	return stamps
}
