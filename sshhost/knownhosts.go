package sshhost

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// A verifier decides which host keys to request and whether a key is the
// host's.
type verifier interface {
	// tries returns lists of algorithms in order of preference. Each list is
	// for a handshake of its own, which is made if the key of the one before
	// was refused.
	tries() [][]string
	check(key ssh.PublicKey, remote net.Addr) error
}

func (t Target) verifier() (verifier, error) {
	if strings.TrimSpace(t.HostKey) != "" {
		return parsePins(t)
	}
	db, err := readKnownHosts(t.KnownHosts)
	if err != nil {
		return nil, t.fail(ErrHostKey, err, "")
	}
	return &knownVerifier{target: t, files: db}, nil
}

// A knownVerifier verifies against known_hosts files.
type knownVerifier struct {
	target Target
	files  *knownFiles
}

// tries puts the algorithms in the files first, so that a host with several
// keys shows one that can be compared. Certificates are only requested if the
// files have an authority for the host. Otherwise a host with a certificate
// would be refused although its plain key is known.
func (k *knownVerifier) tries() [][]string {
	supported := ssh.SupportedAlgorithms().HostKeys
	var certs, plain []string
	for _, a := range k.files.db.HostKeyAlgorithms(k.target.hostport()) {
		switch {
		case !slices.Contains(supported, a):
		case isCertAlgorithm(a):
			certs = append(certs, a)
		default:
			plain = append(plain, a)
		}
	}
	return [][]string{withRest(append(certs, plain...))}
}

// withRest appends the plain algorithms that are not in first.
func withRest(first []string) []string {
	for _, a := range plainAlgorithms() {
		if !slices.Contains(first, a) {
			first = append(first, a)
		}
	}
	return first
}

// plainAlgorithms returns the algorithms without SHA-1 and without
// certificates, in order of preference.
func plainAlgorithms() []string {
	supported := ssh.SupportedAlgorithms().HostKeys
	order := slices.Concat(familyEd25519, familyECDSA, familyRSA)
	for _, a := range supported {
		if !slices.Contains(order, a) && !isCertAlgorithm(a) {
			order = append(order, a)
		}
	}
	return slices.DeleteFunc(order, func(a string) bool { return !slices.Contains(supported, a) })
}

var (
	familyEd25519 = []string{ssh.KeyAlgoED25519}
	familyECDSA   = []string{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521}
	familyRSA     = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
)

func isCertAlgorithm(a string) bool { return strings.Contains(a, "-cert-v01@") }

func (k *knownVerifier) check(key ssh.PublicKey, remote net.Addr) error {
	err := k.files.check(k.target.hostport(), remote, key)
	if err == nil {
		return nil
	}
	var unknown *xknownhosts.KeyError
	var revoked *xknownhosts.RevokedError
	switch {
	case errors.As(err, &revoked):
		return k.target.fail(ErrHostKey, fmt.Errorf("%s revokes the key it offers, %s", k.files.line(revoked.Revoked), describe(key)),
			"whoever holds that key is not to be trusted: do not connect")
	case errors.As(err, &unknown) && len(unknown.Want) > 0:
		var held []string
		for _, w := range unknown.Want {
			what := " holds "
			if k.files.authority(k.target, w.Key) {
				what = " holds the authority "
			}
			held = append(held, k.files.line(w)+what+describe(w.Key))
		}
		return k.target.fail(ErrHostKey, fmt.Errorf("the key changed: %s, the host offers %s", strings.Join(held, ", "), describe(key)),
			"if the host was installed anew, remove what is named here and run `pmkctl ssh scan`; if not, another machine answers in its place")
	case errors.As(err, &unknown):
		return k.target.fail(ErrHostKey, fmt.Errorf("no line of %s is for %s, the host offers %s",
			strings.Join(k.files.names, " or "), knownhosts.Normalize(k.target.hostport()), describe(key)),
			"run `pmkctl ssh scan`, compare the fingerprint with the host's own, and let it be written")
	}
	return k.target.fail(ErrHostKey, fmt.Errorf("%w, the host offers %s", err, describe(key)), "")
}

func describe(key ssh.PublicKey) string {
	if c, ok := key.(*ssh.Certificate); ok {
		return fmt.Sprintf("a certificate of %s signed by %s", describe(c.Key), describe(c.SignatureKey))
	}
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}

// knownFiles are known_hosts files without the lines that do not parse.
type knownFiles struct {
	db    *knownhosts.HostKeyDB
	names []string          // as the user wrote them
	copy  map[string]string // name of a filtered copy -> name of the file
}

// readKnownHosts reads the files that exist. It skips a line that does not
// parse, as OpenSSH does, because the library would refuse the whole file.
// Such a line with @revoked is an error, because to skip it would trust a
// stolen key.
func readKnownHosts(files []string) (*knownFiles, error) {
	k := &knownFiles{names: files, copy: map[string]string{}}
	var dir string
	defer func() {
		if dir != "" {
			_ = os.RemoveAll(dir)
		}
	}()
	var paths []string
	for i, name := range files {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || name == "" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read known hosts: %w", err)
		}
		clean, err := filter(data)
		if err != nil {
			return nil, fmt.Errorf("read known hosts: %s:%w", name, err)
		}
		if bytes.Equal(clean, data) {
			paths = append(paths, name)
			continue
		}
		if dir == "" {
			if dir, err = os.MkdirTemp("", "pmkctl-known-hosts-"); err != nil {
				return nil, err
			}
		}
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, clean, 0o600); err != nil {
			return nil, err
		}
		k.copy[path] = name
		paths = append(paths, path)
	}
	db, err := knownhosts.NewDB(paths...)
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w", err)
	}
	k.db = db
	return k, nil
}

// filter empties the lines that do not parse. Line numbers stay the same.
func filter(data []byte) ([]byte, error) {
	lines := bytes.SplitAfter(data, []byte("\n"))
	for i, line := range lines {
		text := strings.Trim(strings.TrimRight(string(line), "\r\n"), " \t")
		if text == "" || text[0] == '#' || lineParses(text) {
			continue
		}
		if strings.Contains(strings.ToLower(text), "@revoked") {
			return nil, fmt.Errorf("%d: this @revoked line cannot be read, so no key can be trusted; mend or remove it", i+1)
		}
		lines[i] = []byte("\n")
	}
	return bytes.Join(lines, nil), nil
}

// maxLine is more bytes than a line with the longest key has. The library
// refuses a file with a longer line.
const maxLine = 60 << 10

func lineParses(text string) bool {
	f := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(text) > maxLine || len(f) == 0 {
		return false
	}
	if f[0] == "@revoked" || f[0] == "@cert-authority" {
		f = f[1:]
	}
	if len(f) < 3 || f[0][0] == '@' || !patternParses(f[0]) {
		return false
	}
	blob, err := base64.StdEncoding.DecodeString(f[2])
	if err != nil {
		return false
	}
	key, err := ssh.ParsePublicKey(blob)
	return err == nil && key.Type() == f[1]
}

func patternParses(list string) bool {
	if list[0] == '|' {
		f := strings.Split(list, "|")
		if len(f) != 4 || f[1] != "1" {
			return false
		}
		_, err1 := base64.StdEncoding.DecodeString(f[2])
		_, err2 := base64.StdEncoding.DecodeString(f[3])
		return err1 == nil && err2 == nil
	}
	for p := range strings.SplitSeq(list, ",") {
		name := strings.TrimPrefix(p, "!")
		if p == "!" {
			return false
		}
		if strings.HasPrefix(name, "[") {
			if _, _, err := net.SplitHostPort(name); err != nil {
				return false
			}
		}
	}
	return true
}

// check does what the library's check does, and also refuses a certificate
// authority's own key as a host key, which the library accepts.
func (k *knownFiles) check(hostport string, remote net.Addr, key ssh.PublicKey) error {
	if err := k.db.HostKeyCallback()(hostport, remote, key); err != nil {
		return err
	}
	if _, ok := key.(*ssh.Certificate); ok {
		return nil
	}
	for _, known := range k.db.HostKeys(hostport) {
		if !known.Cert && bytes.Equal(known.Marshal(), key.Marshal()) {
			return nil
		}
	}
	return errors.New("the key of a certificate authority is offered as a host's own")
}

// line returns the file and line of a key, for messages.
func (k *knownFiles) line(key xknownhosts.KnownKey) string {
	name := key.Filename
	if original, ok := k.copy[name]; ok {
		name = original
	}
	return fmt.Sprintf("%s:%d", name, key.Line)
}

// pins verify against the host keys in the spec.
type pins struct {
	target       Target
	fingerprints []string
	keys         []ssh.PublicKey
	authorities  []ssh.PublicKey
}

func parsePins(t Target) (*pins, error) {
	p := &pins{target: t}
	for line := range strings.Lines(t.HostKey) {
		line = strings.TrimSpace(line)
		text, authority := strings.CutPrefix(line, "@cert-authority ")
		switch {
		case line == "":
			continue
		case strings.HasPrefix(line, "SHA256:"):
			p.fingerprints = append(p.fingerprints, strings.TrimRight(line, "="))
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
		if err != nil {
			return nil, t.fail(ErrHostKey, fmt.Errorf("the pinned host key %q cannot be read", line),
				`write "ssh-ed25519 AAAA...", "SHA256:..." or "@cert-authority ssh-ed25519 AAAA..."`)
		}
		if authority {
			p.authorities = append(p.authorities, key)
		} else {
			p.keys = append(p.keys, key)
		}
	}
	return p, nil
}

// tries goes through all families of keys if only fingerprints are known,
// because a fingerprint does not say which family its key is of.
func (p *pins) tries() [][]string {
	if len(p.keys)+len(p.authorities) == 0 {
		return [][]string{withRest(nil), familyECDSA, familyRSA}
	}
	var first []string
	if len(p.authorities) > 0 {
		for _, a := range ssh.SupportedAlgorithms().HostKeys {
			if isCertAlgorithm(a) {
				first = append(first, a)
			}
		}
	}
	for _, k := range p.keys {
		first = append(first, keyAlgorithms(k)...)
	}
	return [][]string{withRest(first)}
}

// keyAlgorithms returns the signature algorithms of a key.
func keyAlgorithms(k ssh.PublicKey) []string {
	if k.Type() == ssh.KeyAlgoRSA {
		return familyRSA
	}
	if !slices.Contains(plainAlgorithms(), k.Type()) {
		return nil
	}
	return []string{k.Type()}
}

func (p *pins) check(key ssh.PublicKey, remote net.Addr) error {
	if _, ok := key.(*ssh.Certificate); ok {
		c := ssh.CertChecker{IsHostAuthority: func(by ssh.PublicKey, _ string) bool { return holds(p.authorities, by) }}
		if err := c.CheckHostKey(p.target.hostport(), remote, key); err != nil {
			return p.target.fail(ErrHostKey, fmt.Errorf("%w, the host offers %s", err, describe(key)), "")
		}
		return nil
	}
	if holds(p.keys, key) || slices.Contains(p.fingerprints, ssh.FingerprintSHA256(key)) {
		return nil
	}
	want := slices.Clone(p.fingerprints)
	for _, k := range p.keys {
		want = append(want, describe(k))
	}
	for _, k := range p.authorities {
		want = append(want, "a certificate signed by "+describe(k))
	}
	return p.target.fail(ErrHostKey, fmt.Errorf("the spec pins %s, the host offers %s", strings.Join(want, " or "), describe(key)),
		"if the host was installed anew, pin its new key (`pmkctl ssh scan` shows it); if not, another machine answers in its place")
}

func holds(keys []ssh.PublicKey, key ssh.PublicKey) bool {
	return slices.ContainsFunc(keys, func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), key.Marshal()) })
}
