package hostcheck

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// What shows that a firewall is active.
const (
	ufwConf       = "/etc/ufw/ufw.conf"
	firewalldUnit = "firewalld.service"
)

// firewall finds firewalls that may drop the cluster's traffic. Whether they
// drop traffic between hosts is found by package reach; nothing can be found
// yet about the traffic of pods.
func (p Probe) firewall(s *seen) (out []preflight.Finding) {
	var found []string
	if s.units[firewalldUnit].Active == "active" {
		found = append(found, "firewalld is active")
	}
	if ufwEnabled.Match(s.files[ufwConf].Content) {
		found = append(found, "ufw is enabled")
	}
	var chains []string
	for _, c := range s.chains {
		does := c.Last
		if does == "" && c.Policy == "drop" {
			does = "drop"
		}
		if does != "" {
			chains = append(chains, fmt.Sprintf("%s %s %s (%s)", c.Family, c.Table, c.Name, does))
		}
	}
	if len(chains) > 0 {
		found = append(found, "what no rule accepts is stopped by "+some(chains))
	}
	if len(found) > 0 {
		out = append(out, preflight.NewFinding(preflight.Firewall, p.Name, strings.Join(found, "; "), "none, or one that lets the cluster's traffic pass"))
	}
	return out
}

var ufwEnabled = regexp.MustCompile(`(?mi)^\s*ENABLED=["']?yes`)
