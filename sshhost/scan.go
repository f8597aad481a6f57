package sshhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/atomicfile"
)

// Scan returns a host's keys of all families: ed25519, ecdsa, rsa. It trusts
// none of them and does not log in. It does log in to bastions on the way,
// whose keys must be known.
func Scan(ctx context.Context, t Target, o Options) ([]ssh.PublicKey, error) {
	o = o.defaults()
	t, err := resolve(t, o.ConfigFile)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Handshake)
	defer cancel()
	dial, bastion, err := t.dialer(ctx)
	if err != nil {
		return nil, err
	}
	if bastion != nil {
		defer bastion.close()
	}
	families := [][]string{familyEd25519, familyECDSA, familyRSA}
	found := make([]ssh.PublicKey, len(families))
	var g errgroup.Group
	for i, family := range families {
		g.Go(func() error {
			key, err := shownKey(ctx, t, dial, family)
			found[i] = key
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var keys []ssh.PublicKey
	for _, k := range found {
		if k != nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, t.fail(ErrHostKey, errors.New("the server has no ed25519, ecdsa or rsa key"), "")
	}
	return keys, nil
}

// A keyReader accepts no key, and keeps the one that came.
type keyReader struct{ key ssh.PublicKey }

var errSeen = errors.New("seen")

func (r *keyReader) tries() [][]string { return nil }
func (r *keyReader) check(key ssh.PublicKey, _ net.Addr) error {
	r.key = key
	return errSeen
}

// shownKey returns the host's key of one family; nil if it has none.
func shownKey(ctx context.Context, t Target, dial dialFunc, family []string) (ssh.PublicKey, error) {
	var r keyReader
	_, err := tryUntilServed(ctx, func() (*conn, error) {
		return handshake(ctx, t, dial, &r, family, &login{target: t})
	})
	var none *ssh.AlgorithmNegotiationError
	if errors.Is(err, errSeen) || errors.As(err, &none) && none.What == "host key" {
		return r.key, nil
	}
	return nil, err
}

// KnownHostsLines returns one line of a known_hosts file for each key.
func KnownHostsLines(t Target, keys []ssh.PublicKey, o Options) ([]string, error) {
	t, err := resolve(t, o.defaults().ConfigFile)
	if err != nil {
		return nil, err
	}
	lines := make([]string, len(keys))
	for i, k := range keys {
		lines[i] = knownhosts.Line([]string{t.hostport()}, k)
	}
	return lines, nil
}

// Fingerprint returns a key in the form that people compare: "ssh-ed25519
// SHA256:...".
func Fingerprint(key ssh.PublicKey) string { return describe(key) }

// AddKnownHosts adds the keys that a known_hosts file lacks, all or none, in
// one step, and returns their number. Existing lines stay. If the file
// revokes one of the keys or has another key of its type for the host, it
// writes nothing and returns an *Error of kind ErrHostKey.
func AddKnownHosts(file string, t Target, keys []ssh.PublicKey, o Options) (added int, err error) {
	t, err = resolve(t, o.defaults().ConfigFile)
	if err != nil {
		return 0, err
	}
	held, err := readKnownHosts([]string{file})
	if err != nil {
		return 0, t.fail(ErrHostKey, err, "")
	}
	var lines bytes.Buffer
	for _, k := range keys {
		known, err := compare(held, t, k)
		if err != nil {
			return 0, err
		}
		if !known {
			fmt.Fprintln(&lines, knownhosts.Line([]string{t.hostport()}, k))
			added++
		}
	}
	if added == 0 {
		return 0, nil
	}
	return added, appendInOneStep(file, lines.Bytes())
}

// compare reports whether the file has the key. A key of a type that the file
// lacks is new, not changed.
func compare(held *knownFiles, t Target, key ssh.PublicKey) (known bool, err error) {
	err = held.check(t.hostport(), &net.TCPAddr{}, key)
	if err == nil {
		return true, nil
	}
	var unknown *xknownhosts.KeyError
	if errors.As(err, &unknown) {
		for _, w := range unknown.Want {
			if w.Key.Type() == key.Type() && !held.authority(t, w.Key) {
				return false, t.fail(ErrHostKey, fmt.Errorf("the key changed: %s holds %s, the host offers %s", held.line(w), describe(w.Key), describe(key)),
					"if the host was installed anew, remove that line first; if not, another machine answers in its place")
			}
		}
		return false, nil
	}
	return false, (&knownVerifier{target: t, files: held}).check(key, &net.TCPAddr{})
}

// authority reports whether a key in the file is an authority's and not the
// host's.
func (k *knownFiles) authority(t Target, key ssh.PublicKey) bool {
	for _, h := range k.db.HostKeys(t.hostport()) {
		if !h.Cert && bytes.Equal(h.Marshal(), key.Marshal()) {
			return false
		}
	}
	return true
}

// appendInOneStep replaces a file with its content and add. A symbolic link
// stays a link.
func appendInOneStep(file string, add []byte) error {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	mode := fs.FileMode(0o600)
	old, err := os.ReadFile(file)
	if err == nil {
		if st, err := os.Stat(file); err == nil {
			mode = st.Mode().Perm()
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if len(old) > 0 && !bytes.HasSuffix(old, []byte("\n")) {
		old = append(old, '\n')
	}
	if err := atomicfile.Write(file, append(old, add...), mode); err != nil {
		return fmt.Errorf("write %s: %w", strings.TrimSpace(file), err)
	}
	return nil
}

// Pin returns a key in the form of Target.HostKey.
func Pin(key ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) }
