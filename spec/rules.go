package spec

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/crypto/ssh"
)

// A rule is a condition for a value beyond its type. Check gets values that are
// known, unmarked and not null. Its error is a sentence for the author of the
// spec.
type rule struct {
	Summary string
	Check   func(v cty.Value) error
}

// Words that an attribute may have.
var (
	backends = []string{"udp", "vxlan", "host-gw", "wireguard"}
	effects  = []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}
	modes    = []string{"iptables", "nftables"}
	roles    = []string{string(ControlPlane), string(Etcd), string(Worker)}
)

// The minor releases of Kubernetes 1 that pmkctl can install.
const minMinor, maxMinor = 34, 36

func text(summary string, check func(s string) error) *rule {
	return &rule{summary, func(v cty.Value) error { return check(v.AsString()) }}
}

func matching(summary, pattern, want string) *rule {
	re := regexp.MustCompile(`\A(?:` + pattern + `)\z`)
	return text(summary, func(s string) error {
		if re.MatchString(s) {
			return nil
		}
		return fmt.Errorf("%q does not fit here: write %s.", s, want)
	})
}

// each applies a rule for one string to all elements of a list or set, or to
// all values of a map.
func each(r *rule) *rule {
	return &rule{r.Summary, func(v cty.Value) error {
		var errs []error
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			if e.IsNull() {
				errs = append(errs, errors.New("An element is null; leave it out."))
				continue
			}
			errs = append(errs, r.Check(e))
		}
		return errors.Join(errs...)
	}}
}

func enum(summary string, names ...string) *rule {
	return text(summary, func(s string) error {
		for _, n := range names {
			if n == s {
				return nil
			}
		}
		return fmt.Errorf("There is no %q here; write %s.%s", s, oneOf(names), suggest(s, names))
	})
}

const (
	dnsLabel  = `[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`
	qualified = `([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?`
)

var (
	nodeName   = matching("Invalid name", dnsLabel, "lower-case letters, digits and dashes, 63 at most, starting and ending with a letter or digit")
	dnsName    = matching("Invalid DNS name", dnsLabel+`(\.`+dnsLabel+`)*`, `a DNS name in lower case, such as "cluster.local"`)
	userName   = matching("Invalid user name", `[A-Za-z_][A-Za-z0-9_.@\\-]{0,63}`, `a login name, such as "root"`)
	filled     = matching("Invalid path", `[^\x00]+`, "a path, or leave the attribute out")
	labelKey   = matching("Invalid label or taint", qualified, `a key such as "tier" or "example.com/tier"`)
	labelValue = matching("Invalid label or taint", `([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?`, "letters, digits, dashes, underscores and dots, 63 at most")
	imageName  = matching("Invalid image name", `[a-z0-9][a-z0-9._:-]*(/[a-z0-9._-]+)+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})(@sha256:[0-9a-f]{64})?`, `the full name with its tag, such as "registry.k8s.io/pause:3.10.2"`)
	roleNames  = each(enum("Unknown role", roles...))
	flagNames  = mapKeys(matching("Invalid flag", `[a-z][a-z0-9.-]*`, `flags by name without dashes, such as "v"`))
	gateNames  = mapKeys(matching("Invalid feature gate", `[A-Z][A-Za-z0-9]*`, `feature gates by name, such as "KubeletInUserNamespace"`))
	nodeLabels = &rule{"Invalid label or taint", func(v cty.Value) error { return errors.Join(mapKeys(labelKey).Check(v), each(labelValue).Check(v)) }}
	hostOrIP   = text("Invalid host name or address", checkHost)
	hostsOrIPs = each(hostOrIP)
)

// mapKeys applies a rule to the keys of a map, whose values must not be null.
func mapKeys(r *rule) *rule {
	return &rule{r.Summary, func(v cty.Value) error {
		var errs []error
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if e.IsNull() {
				errs = append(errs, fmt.Errorf("%q has no value; leave it out.", k.AsString()))
			}
			errs = append(errs, r.Check(k))
		}
		return errors.Join(errs...)
	}}
}

func checkHost(s string) error {
	if _, err := netip.ParseAddr(s); err == nil {
		return nil
	}
	if dnsNameAnyCase.MatchString(s) && !dotted.MatchString(s) && len(s) <= 253 {
		return nil
	}
	return fmt.Errorf("%q is neither a name nor an address; write one without port or scheme, such as \"api.example.com\" or \"192.0.2.10\".", s)
}

var (
	dnsNameAnyCase = regexp.MustCompile(`(?i)\A` + dnsLabel + `(\.` + dnsLabel + `)*\z`)
	dotted         = regexp.MustCompile(`\A[0-9.]+\z`) // 192.0.2.300 is a mistyped address, not a name
)

var address = text("Invalid host address", func(s string) error {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no IP address; write one such as \"192.0.2.11\" (names go to the host's ssh block).", s)
	case !a.Is4():
		return fmt.Errorf("%q is IPv6, which is not supported yet; write the host's IPv4 address.", s)
	case a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() || s == "255.255.255.255":
		return fmt.Errorf("%q is no address that other hosts could reach; write the host's address on their common network.", s)
	}
	return nil
})

var cidr = text("Invalid CIDR", func(s string) error {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no CIDR; write one such as \"10.244.0.0/16\".", s)
	case !p.Addr().Is4():
		return fmt.Errorf("%q is IPv6, which is not supported yet; write an IPv4 CIDR such as \"10.244.0.0/16\".", s)
	case p != p.Masked():
		return fmt.Errorf("%q has bits set beyond its length; write %q.", s, p.Masked())
	}
	return nil
})

var port = whole("Invalid port", 1, 65535)
var positive = whole("Invalid number", 1, 5000)

func whole(summary string, least, most int64) *rule {
	return &rule{summary, func(v cty.Value) error {
		n, acc := v.AsBigFloat().Int64()
		if acc != big.Exact || n < least || n > most {
			return fmt.Errorf("%s does not fit here: write a whole number from %d to %d.", v.AsBigFloat().Text('g', 10), least, most)
		}
		return nil
	}}
}

var kubernetesVersion = text("Unsupported Kubernetes version", func(s string) error {
	v, err := semver.StrictNewVersion(s)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no release; write major, minor and patch without a leading \"v\", such as \"1.%d.3\".", s, maxMinor)
	case v.Major() != 1 || v.Minor() < minMinor || v.Minor() > maxMinor:
		return fmt.Errorf("pmkctl sets up Kubernetes 1.%d to 1.%d, not %s.", minMinor, maxMinor, s)
	case v.Prerelease() != "" || v.Metadata() != "":
		return fmt.Errorf("%q is not a final release; write one such as \"1.%d.%d\".", s, v.Minor(), v.Patch())
	}
	return nil
})

var sha256 = text("Invalid digest", func(s string) error {
	if strings.HasPrefix(s, "sha256:") {
		return fmt.Errorf("Write the 64 digits alone, without \"sha256:\".")
	}
	if b, err := hex.DecodeString(s); err != nil || len(b) != 32 {
		return fmt.Errorf("%q is no SHA-256 digest; write the 64 hexadecimal digits that `sha256sum FILE` prints.", s)
	}
	return nil
})

var source = text("Invalid source", func(s string) error {
	scheme, _, isURL := strings.Cut(s, "://")
	if !isURL {
		return filled.Check(cty.StringVal(s))
	}
	if u, err := url.Parse(s); err != nil || scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is no source; write a path, or a URL that starts with \"https://\".", s)
	}
	return nil
})

var hostKey = text("Invalid host key", func(s string) error {
	if print, ok := strings.CutPrefix(s, "SHA256:"); ok {
		if b, err := base64.RawStdEncoding.DecodeString(print); err == nil && len(b) == 32 {
			return nil
		}
	} else if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s)); err == nil && !strings.Contains(s, "\n") {
		return nil
	}
	return errors.New("This is no host key; write a line such as \"ssh-ed25519 AAAA...\" or the \"SHA256:...\" that `pmkctl ssh scan` shows.")
})

var duration = text("Invalid duration", func(s string) error {
	if d, err := time.ParseDuration(s); err != nil || d <= 0 || d > time.Hour {
		return fmt.Errorf("%q is no duration between 0 and 1h; write one such as \"700ms\" or \"2s\".", s)
	}
	return nil
})

var size = text("Invalid size", func(s string) error {
	if _, ok := parseSize(s); !ok {
		return fmt.Errorf("%q is no size; write one such as \"2GiB\" or \"500MB\".", s)
	}
	return nil
})

var units = map[string]float64{
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
}

// parseSize parses a number of bytes: "2GiB", "1.7 GB".
func parseSize(s string) (int64, bool) {
	i := strings.LastIndexAny(s, "0123456789.") + 1
	unit, known := units[strings.ToUpper(strings.TrimSpace(s[i:]))]
	n, err := strconv.ParseFloat(s[:i], 64)
	if !known || err != nil || n < 0 || n*unit > 1<<60 {
		return 0, false
	}
	return int64(n * unit), true
}

var object = &rule{"Invalid settings", func(v cty.Value) error {
	if t := v.Type(); !t.IsObjectType() && !t.IsMapType() {
		return fmt.Errorf("Settings are written as { field = value }, not as a %s.", t.FriendlyName())
	}
	return nil
}}
