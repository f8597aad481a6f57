//go:build e2e

package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/pmkctl/pmkctl/lab"
)

// TestNoKeyIsSent makes a cluster through relays that record everything that
// hosts send. It searches this, the output of pmkctl and its log for every
// private key on the hosts.
func TestNoKeyIsSent(t *testing.T) {
	l := bare(t)
	all, spec := relays(t, l, "recorded", 0)
	log := filepath.Join(t.TempDir(), "calls.log")
	var printed strings.Builder
	for _, command := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"plan"}, {"apply", "-auto-approve"}, {"kubeconfig"}} {
		f := pmkctl(t, append(command, "-log="+log, spec)...).want(t, 0)
		if command[0] != "kubeconfig" { // its output has the key that it made here
			printed.WriteString(f.stdout + f.stderr)
		}
	}
	logged, err := os.ReadFile(log)
	must(t, err)
	places := map[string][]byte{"stdout and stderr": []byte(printed.String()), "the log of calls": logged}
	for name, r := range all {
		r.note(func() { places["what "+name+" sent"] = r.sent })
	}
	for where, said := range places {
		if len(said) < 1000 {
			t.Errorf("%s is only %d bytes", where, len(said))
		}
		places[where] = append(bytes.Clone(said), withoutBreaks(said)...)
	}

	// The search itself works: the certificate of the CA is found.
	ca := on(t, hostOf(t, l, "cp-1"), "cat", "/etc/kubernetes/pki/ca.crt")
	if !found(places["what cp-1 sent"], encodings([]byte(ca), lastBlock(t, ca).Bytes)) {
		t.Error("not even the certificate of the CA is in what cp-1 sent")
	}
	keys := 0
	for _, h := range l.Hosts() {
		for file := range strings.Lines(on(t, h, "grep", "-rlsE", "-e", "-----BEGIN [A-Z ]*PRIVATE KEY-----", "/etc", "/var/lib", "/root")) {
			file = strings.TrimSpace(file)
			if strings.HasPrefix(file, "/var/lib/containerd/") { // files in images
				continue
			}
			keys++
			needles := secrets(t, on(t, h, "cat", file))
			for where, said := range places {
				if found(said, needles) {
					t.Errorf("the key %s of %s is in %s", file, h.Name, where)
				}
			}
		}
	}
	t.Logf("searched for %d private keys", keys)
	if keys < 15 {
		t.Errorf("there are only %d private keys on the hosts", keys)
	}
}

// noPasswordShown runs a plan with a log on a host where sudo asks for a
// password.
func noPasswordShown(t *testing.T, l *lab.Lab) {
	password, err := os.ReadFile(filepath.Join(l.Root, lab.BecomePasswordFile))
	must(t, err)
	log := filepath.Join(t.TempDir(), "calls.log")
	f := pmkctl(t, "plan", "-log="+log, labSpec()).want(t, 0).lacks(t, strings.TrimSpace(string(password)))
	logged, err := os.ReadFile(log)
	must(t, err)
	if len(logged) == 0 || bytes.Contains(logged, bytes.TrimSpace(password)) {
		t.Errorf("the log is empty or holds the password: %v", f)
	}
}

func found(said []byte, needles [][]byte) bool {
	for _, n := range needles {
		if bytes.Contains(said, n) {
			return true
		}
	}
	return false
}

// withoutBreaks joins lines, also those in JSON strings.
func withoutBreaks(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte(`\n`), nil)
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r"), nil), []byte("\n"), nil)
}

// secrets returns the forms in which the key in a PEM file could be sent: its
// text, its DER, and its secret numbers.
func secrets(t *testing.T, file string) [][]byte {
	t.Helper()
	block := lastBlock(t, file) // in the kubelet's file the certificate is first
	text := pem.EncodeToMemory(block)
	forms := [][]byte{text, block.Bytes}
	key, err := ssh.ParseRawPrivateKey(text)
	must(t, err)
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		b, err := key.Bytes()
		must(t, err)
		forms = append(forms, b)
	case *rsa.PrivateKey:
		forms = append(forms, key.D.Bytes(), key.Primes[0].Bytes(), key.Primes[1].Bytes())
	case *ed25519.PrivateKey:
		forms = append(forms, key.Seed())
	case ed25519.PrivateKey:
		forms = append(forms, key.Seed())
	default:
		t.Fatalf("a key of type %T", key)
	}
	return encodings(forms...)
}

func lastBlock(t *testing.T, file string) *pem.Block {
	t.Helper()
	var last *pem.Block
	for rest := []byte(file); ; {
		block, next := pem.Decode(rest)
		if block == nil {
			break
		}
		last, rest = block, next
	}
	if last == nil {
		t.Fatal("that is not PEM")
	}
	return last
}

// encodings returns all forms unchanged, in hex, and in base64 at each
// alignment in a longer text.
func encodings(forms ...[]byte) [][]byte {
	var all [][]byte
	for _, f := range forms {
		all = append(all, f, withoutBreaks(f), []byte(hex.EncodeToString(f)), []byte(strings.ToUpper(hex.EncodeToString(f))))
		for skip := range 3 {
			whole := f[skip:]
			whole = whole[:len(whole)/3*3]
			all = append(all, []byte(base64.StdEncoding.EncodeToString(whole)), []byte(base64.URLEncoding.EncodeToString(whole)))
		}
	}
	return all
}
