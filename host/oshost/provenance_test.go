package oshost

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host"
)

func at(clock string) time.Time {
	t, err := time.Parse(time.DateTime, "2026-11-22 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func TestParseJournal(t *testing.T) {
	line := func(message string) string {
		return `{"__REALTIME_TIMESTAMP":"1795375800000000","_COMM":"x","MESSAGE":` + message + "}\n"
	}
	when := time.UnixMicro(1795375800000000).UTC()
	tests := []struct {
		name, message string
		want          []host.Trace
	}{
		{"sudo on a terminal", `"   alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/sed -i s/a/b/ /etc/x ; true"`,
			[]host.Trace{{Time: when, Source: "sudo", Who: "alice", What: "/usr/bin/sed -i s/a/b/ /etc/x ; true\n/home/alice"}}},
		{"sudo over SSH", `"alice : PWD=/etc/kubernetes ; USER=root ; COMMAND=/usr/bin/rm x"`,
			[]host.Trace{{Time: when, Source: "sudo", Who: "alice", What: "/usr/bin/rm x\n/etc/kubernetes"}}},
		{"sudo by a group", `"bob : TTY=pts/1 ; PWD=/ ; USER=root ; GROUP=adm ; COMMAND=/usr/bin/id"`,
			[]host.Trace{{Time: when, Source: "sudo", Who: "bob", What: "/usr/bin/id\n/"}}},
		{"our own agent", `"alice : PWD=/ ; USER=root ; COMMAND=/var/lib/pmkctl/agent/00ff agent"`, nil},
		{"refused", `"alice : command not allowed ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id"`,
			[]host.Trace{{Time: when, Source: "sudo", Who: "alice", What: "/usr/bin/id\n/"}}},
		{"sudo's session", `"pam_unix(sudo:session): session opened for user root(uid=0) by alice(uid=1000)"`, nil},
		{"sshd", `"Accepted publickey for alice from 192.0.2.7 port 50000 ssh2: ED25519 SHA256:x"`,
			[]host.Trace{{Time: when, Source: "sshd", Who: "alice", What: "from 192.0.2.7 by publickey"}}},
		{"sshd refuses", `"Failed password for alice from 192.0.2.7 port 50000 ssh2"`, nil},
		{"no text", `[1,2,3]`, nil},
		{"damaged", `"x`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, parseJournal([]byte(line(tt.message)))); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestParsePackageLogs(t *testing.T) {
	east := time.FixedZone("", 3600)
	tests := []struct {
		name string
		got  []host.Trace
		want []host.Trace
	}{
		{"dpkg", parseDpkg("2026-11-22 20:30:00 startup archives unpack\n2026-11-22 20:30:01 upgrade containerd:amd64 1.7.1 1.7.2\n"+
			"2026-11-22 20:30:02 status unpacked containerd:amd64 1.7.2\n2026-11-22 20:30:03 remove x:all 1 <none>\nbroken", east),
			[]host.Trace{{Time: at("19:30:01"), Source: "dpkg", What: "upgrade containerd"}, {Time: at("19:30:03"), Source: "dpkg", What: "remove x"}}},
		{"apt", parseApt("\nStart-Date: 2026-11-22  20:30:00\nCommandline: apt upgrade\nRequested-By: alice (1000)\nUpgrade: x:amd64 (1, 2)\nEnd-Date: 2026-11-22  20:31:00\n\nStart-Date: 2026-11-22  20:3", east),
			[]host.Trace{{Time: at("19:30:00"), Source: "apt", Who: "alice", What: "apt upgrade"}}},
		{"dnf", parseDnf("2026-11-22T20:30:01+0100 SUBDEBUG Upgrade: containerd.io-1.7.2-1.x86_64\n2026-11-22T20:30:01+0100 INFO --- logging initialized ---\n", nil),
			[]host.Trace{{Time: at("19:30:01"), Source: "dnf", What: "upgrade containerd.io-1.7.2-1.x86_64"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, tt.got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestExplaining(t *testing.T) {
	run := func(clock, command, dir string) host.Trace {
		return host.Trace{Time: at(clock), Source: "sudo", Who: "alice", What: command + "\n" + dir}
	}
	file := host.Provenance{Item: "/etc/x/x.conf", Changed: at("12:00:00"), Package: "x"}
	none := host.Provenance{Item: "net.ipv4.ip_forward"}
	tests := []struct {
		name  string
		p     host.Provenance
		trace host.Trace
		want  string // Trace.What; "" means no trace
		names bool
	}{
		{"names it", file, run("11:00:00", "sed -i s/a/b/ /etc/x/x.conf", "/"), "sed -i s/a/b/ /etc/x/x.conf", true},
		{"from its directory", file, run("11:00:00", "rm x.conf", "/etc/x"), "rm x.conf", true},
		{"the same name elsewhere", file, run("11:00:00", "rm x.conf", "/root"), "", false},
		{"a longer name", file, run("11:00:00", "rm /etc/x/x.config", "/"), "", false},
		{"after it", file, run("12:00:10", "cat /etc/x/x.conf", "/"), "", false},
		{"a shell shortly before", file, run("11:50:00", "bash -c secret", "/"), "bash", false},
		{"a shell long before", file, run("11:30:00", "bash", "/"), "", false},
		{"a setting", none, run("01:00:00", "sysctl -w net.ipv4.ip_forward=0", "/"), "sysctl -w net.ipv4.ip_forward=0", true},
		{"a setting by its path", none, run("01:00:00", "tee /proc/sys/net/ipv4/ip_forward", "/"), "tee /proc/sys/net/ipv4/ip_forward", true},
		{"something else than the setting", none, run("01:00:00", "bash", "/"), "", false},
		{"a unit", host.Provenance{Item: "kubelet.service", Changed: at("12:00:00")}, run("11:59:59", "systemctl stop kubelet", "/"), "systemctl stop kubelet", true},
		{"its package", file, host.Trace{Time: at("11:59:00"), Source: "dpkg", What: "upgrade x"}, "upgrade x", true},
		{"another package", file, host.Trace{Time: at("11:59:00"), Source: "dpkg", What: "upgrade y"}, "upgrade y", false},
		{"its rpm", file, host.Trace{Time: at("11:00:00"), Source: "dnf", What: "upgrade x-1.2.x86_64"}, "upgrade x-1.2.x86_64", true},
		{"a login", file, host.Trace{Time: at("11:30:00"), Source: "sshd", Who: "root", What: "from 192.0.2.7"}, "from 192.0.2.7", false},
		{"an old login", file, host.Trace{Time: at("10:30:00"), Source: "sshd", Who: "root", What: "from 192.0.2.7"}, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := explaining(tt.p, []host.Trace{tt.trace})
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("got %+v, want nothing", got)
			case tt.want != "" && (len(got) != 1 || got[0].What != tt.want || got[0].Names != tt.names):
				t.Errorf("got %+v, want %q, names %v", got, tt.want, tt.names)
			}
		})
	}

	// Lines that name the item stay when there are too many; a long line is
	// cut.
	many := []host.Trace{run("11:50:00", "sed /etc/x/x.conf "+strings.Repeat("é", 300), "/")}
	for range 10 {
		many = append(many, run("11:59:00", "bash"+strings.Repeat("x", len(many)), "/"))
	}
	logins := []host.Trace{{Time: at("11:50:00"), Source: "sshd", Who: "a"}, {Time: at("11:51:00"), Source: "sshd", Who: "b"},
		{Time: at("11:52:00"), Source: "sshd", Who: "a"}, {Time: at("12:00:01"), Source: "sshd", Who: "a"}}
	if got := explaining(file, logins); len(got) != 2 || got[0].Who != "b" || got[1].Time != at("11:52:00") {
		t.Errorf("of each the last one before the change: got %+v", got)
	}
	for i := range 10 {
		many = append(many, host.Trace{Time: at("11:59:30"), Source: "dpkg", What: "upgrade y" + strings.Repeat("y", i)})
	}
	if got := explaining(file, many); got[maxTraces-1].Source != "sudo" {
		t.Errorf("packages stand for people: %+v", got)
	}
	if got := explaining(file, many); len(got) != maxTraces || !got[0].Names || len(got[0].What) > maxWhat+3 {
		t.Errorf("got %+v", got)
	}
}

// TestProvenance uses real files.
func TestProvenance(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// The program that writes a file can set its modification time, so that
	// is not trusted.
	if err := os.Chtimes(file, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	h := New(Options{StateDir: t.TempDir()})
	defer h.Close()
	missing := filepath.Join(dir, "no", "where")
	got, err := h.Provenance(t.Context(), []string{file, missing, "net.ipv4.ip_forward"})
	if err != nil {
		t.Fatal(err)
	}
	recent := func(at time.Time) bool { return time.Since(at) < time.Minute }
	if got[0].Item != file || !recent(got[0].Changed) || got[0].Owner == "" {
		t.Errorf("of a file: %+v", got[0])
	}
	if got[1].Item != missing || !recent(got[1].Changed) || got[1].Owner != "" {
		t.Errorf("of a missing path: %+v", got[1])
	}
	if !got[2].Changed.IsZero() {
		t.Errorf("of a setting: %+v", got[2])
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Provenance(ended, []string{file}); err == nil {
		t.Error("no error after its context has ended")
	}
}

func TestOwners(t *testing.T) {
	list := filepath.Join(t.TempDir(), "containerd:amd64.list")
	if err := os.WriteFile(list, []byte("/.\n/etc\n/etc/containerd/config.toml\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := owners(t.Context(), []string{list, "/nowhere"}, map[string]bool{"/etc/containerd/config.toml": true, "/etc/cont": true})
	if d := cmp.Diff(map[string]string{"/etc/containerd/config.toml": "containerd"}, got); d != "" {
		t.Error(d)
	}
}

func TestReadTail(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "log")
	if err := os.WriteFile(name, []byte(strings.Repeat("x", logTail)+"end"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := readTail(name); len(got) != logTail || !strings.HasSuffix(got, "end") {
		t.Errorf("got %d bytes", len(got))
	}
	if readTail(dir) != "" || readTail(dir+"/none") != "" {
		t.Error("read what is no log")
	}
}
