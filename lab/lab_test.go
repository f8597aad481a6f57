package lab

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWanted(t *testing.T) {
	hosts := wanted(MaxHosts, netip.MustParsePrefix("172.30.5.0/24"))
	if len(hosts) != MaxHosts {
		t.Fatalf("got %d hosts, want %d", len(hosts), MaxHosts)
	}
	tests := []struct {
		i                   int
		name, user, address string
		become              Become
	}{
		{0, "cp-1", "ops", "172.30.5.10", BecomePassword},
		{1, "worker-1", "root", "172.30.5.11", BecomeNone},
		{2, "worker-2", "admin", "172.30.5.12", BecomeNoPasswd},
		{39, "worker-39", "root", "172.30.5.49", BecomeNone},
	}
	for _, tt := range tests {
		h := hosts[tt.i]
		if h.Name != tt.name || h.User != tt.user || h.Address != tt.address || h.Become != tt.become || h.Container != "pmk-lab-"+tt.name {
			t.Errorf("host %d: got %+v, want %+v", tt.i, h, tt)
		}
	}
}

func TestHostsFileForm(t *testing.T) {
	h := wanted(1, netip.MustParsePrefix("172.30.0.0/24"))[0]
	h.SSHPort = 22010
	got, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"cp-1","container":"pmk-lab-cp-1","ssh_address":"127.0.0.1","ssh_port":22010,"user":"ops","become":"password","address":"172.30.0.10"}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFreeSubnet(t *testing.T) {
	taken := []netip.Prefix{netip.MustParsePrefix("172.30.0.0/23"), netip.MustParsePrefix("172.30.2.7/32")}
	got, err := freeSubnet(taken)
	if want := netip.MustParsePrefix("172.30.3.0/24"); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err := freeSubnet([]netip.Prefix{netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.0/16")}); err == nil {
		t.Errorf("got %v of no free addresses", got)
	}
}

func TestParseRoute(t *testing.T) {
	tests := []struct {
		name, line string
		want       netip.Prefix
		ok         bool
	}{
		{"heading", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask", netip.Prefix{}, false},
		{"empty", "", netip.Prefix{}, false},
		{"default", "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0", netip.MustParsePrefix("0.0.0.0/0"), true},
		{"network", "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0", netip.MustParsePrefix("192.0.2.0/24"), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := parseRoute(tt.line); got != tt.want || ok != tt.ok {
				t.Errorf("got %v, %v, want %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestFreePort(t *testing.T) {
	taken := make(map[int]bool)
	a, err1 := freePort(taken)
	b, err2 := freePort(taken)
	if err1 != nil || err2 != nil || a == b {
		t.Errorf("got %d, %v and %d, %v, want two ports", a, err1, b, err2)
	}
}

func TestPrivileges(t *testing.T) {
	all := uint64(1)<<41 - 1
	if got := privilegesOf(all); !slices.Equal(got, []string{"--privileged"}) {
		t.Errorf("with all capabilities: got %v", got)
	}
	const sysResource = 24
	got := strings.Join(privilegesOf(all&^(1<<sysResource)), " ")
	for _, want := range []string{"--cap-add SYS_ADMIN", "--cap-add AUDIT_READ", "--device /dev/net/tun"} {
		if !strings.Contains(got, want) {
			t.Errorf("without SYS_RESOURCE: got %s, want %s in it", got, want)
		}
	}
	for _, not := range []string{"SYS_RESOURCE", "--privileged"} {
		if strings.Contains(got, not) {
			t.Errorf("without SYS_RESOURCE: got %s, want no %s", got, not)
		}
	}
}

func TestKnownHosts(t *testing.T) {
	h := Host{SSHAddress: "127.0.0.1", SSHPort: 22010}
	got := h.knownHosts("ssh-ed25519 AAAA root@cp-1\nssh-rsa BBBB root@cp-1\n\n")
	if want := "[127.0.0.1]:22010 ssh-ed25519 AAAA\n[127.0.0.1]:22010 ssh-rsa BBBB\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSecretsAreKept(t *testing.T) {
	root := t.TempDir()
	key, err := ensureKey(root)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ensureKey(root)
	if err != nil || string(again.PublicKey().Marshal()) != string(key.PublicKey().Marshal()) {
		t.Errorf("the second run has another key, %v", err)
	}
	password, err := ensurePassword(root)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ensurePassword(root); err != nil || again != password {
		t.Errorf("the second run has password %q, %v, want %q", again, err, password)
	}
	for _, file := range []string{KeyFile, BecomePasswordFile} {
		info, err := os.Stat(filepath.Join(root, file))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want mode 0600", file, info, err)
		}
	}
}

func TestProcessIsIdentifiedByItsStart(t *testing.T) {
	start, err := startTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !(process{os.Getpid(), start}).runs() {
		t.Error("this process does not run")
	}
	if (process{os.Getpid(), start + "0"}).runs() {
		t.Error("a process with this one's pid and another start runs")
	}
}

func TestFindRoot(t *testing.T) {
	got, err := FindRoot("cmd/pmk-lab")
	want, _ := filepath.Abs("..")
	if err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if got, err := FindRoot(t.TempDir()); err == nil {
		t.Errorf("outside a repository: got %s", got)
	}
}

func TestWithoutDocker(t *testing.T) {
	rules := `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [7:9]
:DOCKER - [0:0]
:MINE - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A FORWARD -j MINE
COMMIT
`
	want := `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [7:9]
:MINE - [0:0]
-A FORWARD -j MINE
COMMIT
`
	if got := withoutDocker(rules, "ACCEPT"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
