package flannel

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func of(backend string, port int) Flannel {
	return Flannel{Node: "worker-1", Iface: "192.0.2.11", PodCIDR: netip.MustParsePrefix("10.244.0.0/16"), Backend: backend, Port: port}
}

func TestFiles(t *testing.T) {
	tests := map[string]Flannel{
		"udp":       of("udp", 8285),
		"vxlan":     of("vxlan", 8472),
		"host-gw":   of("host-gw", 0),
		"wireguard": of("wireguard", 51820),
	}
	m := tests["vxlan"]
	m.Config = map[string]any{"EnableNFTables": true, "Backend": map[string]any{"VNI": 7.0, "DirectRouting": true}}
	m.Flags = map[string]string{"v": "2"}
	tests["settings"] = m
	for name, m := range tests {
		t.Run(name, func(t *testing.T) {
			moduletest.Files(t, "testdata/golden/"+name+".txtar", hosttest.New("worker-1"), New(m))
		})
	}
}

func TestWriteCNI(t *testing.T) {
	tests := []struct{ name, env, subnet, mtu, masq string }{
		{"flanneld masquerades", "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n", "10.244.1.0/24", "1472", "false"},
		{"the bridge does", "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.255.129/25\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n", "10.244.255.128/25", "1450", "true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			runScript(t, dir, tt.env)
			content, err := os.ReadFile(filepath.Join(dir, "10-flannel.conflist"))
			if err != nil {
				t.Fatal(err)
			}
			var got any
			if err := json.Unmarshal(content, &got); err != nil {
				t.Fatalf("%v in\n%s", err, content)
			}
			for _, want := range []string{`"subnet": "` + tt.subnet + `"`, `"mtu": ` + tt.mtu + ",", `"ipMasq": ` + tt.masq + ","} {
				if !strings.Contains(string(content), want) {
					t.Errorf("got %s, want %s in it", content, want)
				}
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
				t.Errorf("got %v (%v), want subnet.env and the configuration alone", entries, err)
			}
		})
	}
}

// runScript runs write-cni with dir in place of its two directories.
func runScript(t *testing.T, dir, env string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "subnet.env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("/run/flannel", dir, cniDir, dir).Replace(string(script))
	for range 2 { // it may be run again
		if out, err := exec.Command("/bin/sh", "-c", text).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

func TestMarkReplacement(t *testing.T) {
	conf := func(f Flannel) string {
		content, err := indented(f.fields())
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	edited := func(have, want string) change.Change {
		return change.Change{Kind: change.Text, Action: change.Update, Item: netConfPath, Have: have, Want: want}
	}
	udp, vxlan := conf(of("udp", 8285)), conf(of("vxlan", 8472))
	tests := []struct {
		name string
		c    change.Change
		want change.Action
	}{
		{"other backend", edited(udp, vxlan), change.Replace},
		{"other port", edited(udp, conf(of("udp", 9999))), change.Update},
		{"no JSON", edited("x", udp), change.Update},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := markReplacement(change.Diff{tt.c})[0]
			if got.Action != tt.want || (got.Why != "") != (tt.want == change.Replace) {
				t.Errorf("got %v %q, want %v", got.Action, got.Why, tt.want)
			}
		})
	}
}

func TestRemotePods(t *testing.T) {
	m := of("udp", 0)
	routes := []host.NetRoute{
		{Dst: "10.244.1.0/24", Via: "192.0.2.12", Dev: "eth0"},
		{Dst: "10.244.0.0/24", Dev: "cni0"},
		{Dst: "10.0.0.0/8", Via: "192.0.2.1", Dev: "eth0"},
		{Dst: "0.0.0.0/0", Via: "192.0.2.1", Dev: "eth0"},
	}
	var got []string
	for _, r := range routes {
		if m.remotePods(r) {
			got = append(got, r.Dst)
		}
	}
	if diff := cmp.Diff([]string{"10.244.1.0/24"}, got); diff != "" {
		t.Error(diff)
	}
}
