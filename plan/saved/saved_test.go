package saved

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

func sample() *Plan {
	host := func(name, addr, password string, roles ...spec.Role) *spec.Host {
		return &spec.Host{Name: name, Address: netip.MustParseAddr(addr), Roles: roles,
			SSH: spec.SSH{Address: addr, Port: 22, User: "ops", Become: true, BecomePassword: spec.NewSecret(password)}}
	}
	return &Plan{
		Made: time.Date(2026, 11, 22, 17, 30, 0, 0, time.UTC), Who: "alice@laptop", Pmkctl: Build{"1.2.3", "ab12"},
		Spec: SpecPath{"cluster.hcl", "/home/alice/cluster.hcl"},
		Cluster: &spec.Cluster{Name: "lab", Version: "1.36.3", Hosts: []*spec.Host{
			host("cp-1", "192.0.2.11", "opensesame", spec.ControlPlane, spec.Etcd), host("worker-1", "192.0.2.12", "opensesame", spec.Worker),
			host("worker-2", "192.0.2.13", "shibboleth", spec.Worker)}},
		Hosts:  []Host{{Name: "cp-1", HostKey: "SHA256:x", MachineID: "11"}, {Name: "worker-1", HostKey: "SHA256:y", MachineID: "12", Record: state.Cluster{ID: "1", Name: "lab"}}},
		Absent: map[string]string{"worker-2": "excluded"},
		Steps: []Step{
			{Addr: address.MustParse("preflight.cp-1"), Kind: Probe, Findings: []preflight.Finding{{Level: preflight.Warning, ID: "PF001", Title: "cp-1 x", Found: "slow"}}},
			{Addr: plan.Gate, Kind: Gate, After: []address.Addr{address.MustParse("preflight.cp-1")}},
			{Addr: address.MustParse("etcd.cp-1"), Kind: Module, After: []address.Addr{plan.Gate}, Diff: Diff{
				{Kind: change.Text, Action: change.Replace, Item: "/etc/x", Have: "\xff\x00 no text", Want: "a\nb\n"}, {Item: "y", Until: address.MustParse("ca.cp-1")}}},
			{Addr: address.MustParse("node.cp-1"), Kind: Module},
		},
		Report: &preflight.Report{Edges: []preflight.EdgeResult{{Edge: preflight.Edge{From: "cp-1", To: "worker-1", Proto: "udp", Port: 8285}, Verdict: preflight.OK, RTT: 5}}},
	}
}

func encode(t testing.TB, p *Plan) []byte {
	t.Helper()
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func isRefused(err error) bool {
	var r *RefusedError
	return errors.As(err, &r)
}

func TestRoundTrip(t *testing.T) {
	want := sample()
	want.Hide()
	got, err := Decode(encode(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Reveal(nil, []spec.Secret{spec.NewSecret("shibboleth"), spec.NewSecret("no"), spec.NewSecret("opensesame")}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if !bytes.Equal(encode(t, got), encode(t, want)) {
		t.Error("the same plan was encoded in two ways")
	}
	if len(got.Pending()) != 1 || len(got.Findings()) != 1 {
		t.Errorf("pending %v, findings %v", got.Pending(), got.Findings())
	}
}

// TestVersion1 reads a file of the first version, which every later version must
// read too. Only -update writes it.
func TestVersion1(t *testing.T) {
	const name = "testdata/v1.plan"
	want := sample()
	if golden.Updating() {
		want.Hide()
		if err := os.WriteFile(name, encode(t, want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Reveal(nil, []spec.Secret{spec.NewSecret("shibboleth"), spec.NewSecret("opensesame")}); err != nil {
		t.Fatal(err)
	}
	want = sample()
	want.Salt, want.Secrets = got.Salt, got.Secrets
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// TestTruncated cuts the file at every length.
func TestTruncated(t *testing.T) {
	file := encode(t, sample())
	for n := range file {
		if _, err := Decode(file[:n]); !isRefused(err) {
			t.Fatalf("the first %d of %d bytes: got %v, want a refusal", n, len(file), err)
		}
	}
	for _, more := range []string{"\n", " ", "{}", "\x00"} {
		if _, err := Decode(append(bytes.Clone(file), more...)); !isRefused(err) {
			t.Errorf("%q at the end: got %v, want a refusal", more, err)
		}
	}
}

// TestFlipped flips every bit.
func TestFlipped(t *testing.T) {
	file := encode(t, sample())
	for i := range file {
		for bit := range 8 {
			file[i] ^= 1 << bit
			if _, err := Decode(file); !isRefused(err) {
				t.Fatalf("bit %d of byte %d: got %v, want a refusal", bit, i, err)
			}
			file[i] ^= 1 << bit
		}
	}
}

func TestRefused(t *testing.T) {
	good := string(encode(t, sample()))
	nobody := sample()
	nobody.Cluster.Hosts = nobody.Cluster.Hosts[1:]
	stranger := sample()
	stranger.Hosts[0].Name = "cp-9"
	tests := []struct {
		name, file, want string
	}{
		{"empty", "", "no saved plan"},
		{"spec", "cluster \"lab\" {}\n", "no saved plan"},
		{"newer", strings.Replace(good, "plan 1 ", "plan 2 ", 1), "format 2"},
		{"far newer", "pmkctl plan 17\n\x00\x01", "format 17"},
		{"older than the first", strings.Replace(good, "plan 1 ", "plan 0 ", 1), "edited"},
		{"other checksum", strings.Replace(good, "sha256:", "sha256:00", 1), "edited"},
		{"no JSON", header([]byte("{")) + "{", "cannot be read"},
		{"no hosts", header([]byte("{}")) + "{}", "no hosts"},
		{"no control plane", string(encode(t, nobody)), "no control plane"},
		{"strange host", string(encode(t, stranger)), "cp-9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Decode([]byte(tt.file)); !isRefused(err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a refusal with %q", err, tt.want)
			}
		})
	}
}

// TestDiffKeepsBytes sends any bytes through JSON.
func TestDiffKeepsBytes(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		var want Diff
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			want = append(want, change.Change{Kind: change.Text, Action: change.Update, Item: "/etc/x",
				Have: text.Draw(t, "have"), Want: text.Draw(t, "want"), Bytes: rapid.Int64().Draw(t, "bytes")})
		}
		b, err := want.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var got Diff
		if err := got.UnmarshalJSON(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, %v\nwant %#v", got, err, want)
		}
	})
}

// TestFindings: the file has findings as it has changes.
func TestFindings(t *testing.T) {
	const file = `{"addr":"preflight.cp-1","kind":"probe","source":{"Filename":"","Start":{"Line":0,"Column":0,"Byte":0},"End":{"Line":0,"Column":0,"Byte":0}},"diff":[` +
		`{"kind":"finding","action":"","item":"cp-1 swap","have":"swap is on","want":"no swap","why":"Turn it off.","id":"PF005","level":"error","host":"cp-1"},` +
		`{"kind":"finding","action":"","item":"clocks","why":"Chrony is off. Start it.","id":"PF020","level":"ignored","have_raw":"/w=="}]}`
	var got Step
	if err := json.Unmarshal([]byte(file), &got); err != nil {
		t.Fatal(err)
	}
	want := []preflight.Finding{
		{ID: "PF005", Level: preflight.Error, Host: "cp-1", Title: "swap", Found: "swap is on", Expected: "no swap", Do: "Turn it off."},
		{ID: "PF020", Level: preflight.Ignored, Title: "clocks", Found: "\xff", Do: "Chrony is off. Start it."}}
	if !reflect.DeepEqual(got.Findings, want) || len(got.Diff) > 0 {
		t.Errorf("got %+v\nwant %+v", got.Findings, want)
	}
	got.Findings[1].Cause, got.Findings[1].Do = "chrony is off", "Start it."
	if b, err := json.Marshal(got); err != nil || string(b) != file {
		t.Errorf("got %s, %v\nwant %s", b, err, file)
	}
}

func TestSecrets(t *testing.T) {
	p := sample()
	p.Hide()
	p.Secrets[0].Inputs = []string{"sudo"} // as spec.Load finds out
	file := encode(t, p)
	for _, secret := range []string{"opensesame", "shibboleth"} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("%s is in the file", secret)
		}
	}
	second := sample()
	second.Hide()
	if bytes.Equal(second.Secrets[0].Digest, p.Secrets[0].Digest) {
		t.Error("the same secret has the same digest in two plans")
	}
	secret := func(list ...string) (out []spec.Secret) {
		for _, s := range list {
			out = append(out, spec.NewSecret(s))
		}
		return out
	}
	tests := []struct {
		name   string
		given  map[string][]spec.Secret
		others []spec.Secret
		want   string // of the error
	}{
		{name: "given", given: map[string][]spec.Secret{"sudo": secret("x", "opensesame"), "worker-2.become_password": secret("shibboleth")}},
		{name: "in the spec", given: map[string][]spec.Secret{"sudo": secret("opensesame")}, others: secret("shibboleth")},
		{name: "wrong", given: map[string][]spec.Secret{"sudo": secret("friend"), "worker-2.become_password": secret("shibboleth")}, want: "given for sudo is not"},
		{name: "nothing", want: "give sudo, worker-2.become_password again"},
		{name: "one", given: map[string][]spec.Secret{"sudo": secret("opensesame")}, want: "give worker-2.become_password again"},
		{name: "under another name", given: map[string][]spec.Secret{"other": secret("opensesame", "shibboleth")}, want: "give sudo, worker-2.become_password again"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Decode(file)
			if err != nil {
				t.Fatal(err)
			}
			err = p.Reveal(tt.given, tt.others)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || isRefused(err) != (tt.name == "wrong") {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range []string{"opensesame", "opensesame", "shibboleth"} {
				if got := p.Cluster.Hosts[i].SSH.BecomePassword.Reveal(); got != want {
					t.Errorf("host %d has %q, want %q", i, got, want)
				}
			}
		})
	}
}

func TestRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "p.plan")
	file := encode(t, sample())
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	p, id, err := Read(name)
	if err != nil || id != ID(file) || p.Who != "alice@laptop" {
		t.Errorf("got %v, %s, %v", p, id, err)
	}
	if _, _, err := Read(name + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want no such file", err)
	}
}

// TestNothingIsLost finds fields that JSON leaves out.
func TestNothingIsLost(t *testing.T) {
	for _, v := range []any{preflight.Report{}, change.Change{}, Plan{}.Hosts, Plan{}.Steps, spec.Preflight{}, spec.Host{}} {
		lost(t, reflect.TypeOf(v), map[reflect.Type]bool{reflect.TypeFor[spec.Secret](): true, reflect.TypeFor[netip.Addr](): true})
	}
}

func lost(t *testing.T, typ reflect.Type, seen map[reflect.Type]bool) {
	if seen[typ] {
		return
	}
	seen[typ] = true
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Array:
		lost(t, typ.Elem(), seen)
	case reflect.Struct:
		for i := range typ.NumField() {
			f := typ.Field(i)
			if !f.IsExported() || f.Tag.Get("json") == "-" && typ != reflect.TypeFor[Step]() { // TestFindings has the one field of a Step
				t.Errorf("%s.%s is not encoded", typ, f.Name)
			}
			lost(t, f.Type, seen)
		}
	}
}
