package oshost_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/oshost"
)

func TestFsyncLatency(t *testing.T) {
	h := oshost.New(oshost.Options{StateDir: t.TempDir()})
	dir := t.TempDir()
	tests := []struct {
		name, dir string
		n         int
		is        error
	}{
		{"a disk", dir, 20, nil},
		{"a directory that is not there", dir + "/var/lib/etcd", 5, nil},
		{"memory", "/dev/shm", 100, nil},
		{"no files without a name", "/proc", 1, host.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.dir == "/proc" && os.Getuid() != 0 {
				t.Skip("needs root: others may not write there")
			}
			begin := time.Now()
			took, err := h.FsyncLatency(t.Context(), tt.dir, tt.n)
			if !errors.Is(err, tt.is) {
				t.Fatalf("got %v, want %v", err, tt.is)
			}
			var sum time.Duration
			for _, d := range took {
				sum += d
			}
			switch {
			case tt.is != nil:
			case len(took) == 0 || len(took) > tt.n || slices.Min(took) <= 0:
				t.Errorf("got %v", took)
			case len(took) < tt.n && sum < 200*time.Millisecond:
				t.Errorf("it ended after %d writes and %s", len(took), sum)
			case sum > time.Since(begin):
				t.Errorf("%s in %s", sum, time.Since(begin))
			}
		})
	}
	if remaining, err := os.ReadDir(dir); len(remaining) > 0 || err != nil {
		t.Errorf("remaining: %v (%v)", remaining, err)
	}
	if _, err := h.FsyncLatency(t.Context(), "var", 1); err == nil {
		t.Error("took a relative path")
	}
}

func TestLookup(t *testing.T) {
	h := oshost.New(oshost.Options{StateDir: t.TempDir()})
	begin := time.Now()
	got, err := h.Lookup(t.Context(), []string{"localhost", "nobody.invalid"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !slices.ContainsFunc(got[0].Addrs, func(a string) bool { return net.ParseIP(a).IsLoopback() }) || got[0].Err != "" {
		t.Errorf("localhost: got %+v", got)
	}
	if len(got[1].Addrs) > 0 || got[1].Err == "" || strings.Contains(got[1].Err, "nobody") {
		t.Errorf("a name that cannot be: got %+v", got[1])
	}
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("it took %s", d)
	}
}

func TestFirewall(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: it makes firewall rules")
	}
	chain := func(hook, policy, last string) host.Chain {
		return host.Chain{Family: "inet", Table: "t", Name: "c", Hook: hook, Policy: policy, Last: last}
	}
	old := func(policy, last string) host.Chain {
		return host.Chain{Family: "ip", Table: "filter", Name: "INPUT", Hook: "input", Policy: policy, Last: last}
	}
	const table = "nft add table inet t; nft add chain inet t c "
	tests := []struct {
		name, script string
		want         []host.Chain
	}{
		{"nothing", "", nil},
		{"accept", table + "'{ type filter hook input priority 0; }'", []host.Chain{chain("input", "accept", "")}},
		{"policy drop", table + "'{ type filter hook forward priority 0; policy drop; }'", []host.Chain{chain("forward", "drop", "")}},
		{"the last rule drops", table + "'{ type filter hook input priority 0; }'; nft add rule inet t c tcp dport 22 accept; nft add rule inet t c counter drop",
			[]host.Chain{chain("input", "accept", "drop")}},
		{"the last rule rejects", table + "'{ type filter hook input priority 0; }'; nft add rule inet t c log counter reject with icmpx admin-prohibited",
			[]host.Chain{chain("input", "accept", "reject")}},
		{"the last rule drops some", table + "'{ type filter hook input priority 0; }'; nft add rule inet t c tcp dport 23 drop", []host.Chain{chain("input", "accept", "")}},
		{"the last rule accepts", table + "'{ type filter hook input priority 0; policy drop; }'; nft add rule inet t c accept", []host.Chain{chain("input", "drop", "")}},
		{"others", "nft add table inet t; nft add chain inet t plain; nft add chain inet t out '{ type filter hook output priority 0; policy drop; }';" +
			"nft add chain inet t nat '{ type nat hook prerouting priority -100; }'", nil},
		{"iptables", "iptables -P INPUT DROP; iptables -A INPUT -i lo -j ACCEPT", []host.Chain{old("drop", "")}},
		{"iptables rejects", "iptables -A INPUT -p tcp --dport 22 -j ACCEPT; iptables -A INPUT -j REJECT --reject-with icmp-host-prohibited", []host.Chain{old("accept", "reject")}},
		{"the older iptables", "iptables-legacy -P INPUT DROP; iptables-legacy -A INPUT -i lo -j ACCEPT", []host.Chain{old("drop", "")}},
		{"the older iptables rejects", "iptables-legacy -A INPUT -m state --state ESTABLISHED -j ACCEPT; iptables-legacy -A INPUT -j REJECT", []host.Chain{old("accept", "reject")}},
		{"the older iptables drops some", "iptables-legacy -A INPUT -j DROP; iptables-legacy -A INPUT -p tcp --dport 23 -j DROP", []host.Chain{old("accept", "")}},
		{"the older ip6tables drops", "ip6tables-legacy -A INPUT -s ::2 -j ACCEPT; ip6tables-legacy -A INPUT -j DROP",
			[]host.Chain{{Family: "ip6", Table: "filter", Name: "INPUT", Hook: "input", Policy: "accept", Last: "drop"}}},
		{"iptables drops", "iptables -A INPUT -j DROP", []host.Chain{old("accept", "drop")}},
	}
	h := oshost.New(oshost.Options{StateDir: t.TempDir()})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			program, _, _ := strings.Cut(tt.script, " ")
			if _, err := exec.LookPath(program); tt.script != "" && err != nil {
				t.Skip(err)
			}
			runtime.LockOSThread() // which ends with the test, and its network with it
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				t.Skip(err)
			}
			if out, err := exec.Command("sh", "-ec", tt.script).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got, err := h.Firewall(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = slices.DeleteFunc(got, func(c host.Chain) bool { return c.Table == "filter" && c.Name != "INPUT" })
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("chains, want - got +:\n%s", d)
			}
		})
	}
}
