package sshhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// login is the credentials for logging in. They are not used, and ssh-agent
// is not asked, before the host key was accepted: Callback runs after that.
type login struct {
	target  Target
	files   []ssh.Signer  // explicit identity, or the usual keys in ~/.ssh
	locked  ssh.PublicKey // public half of an explicit identity with a passphrase: ssh-agent may hold it
	offered []string      // for messages
	notes   []string      // why a key was not offered
	socket  net.Conn
}

// newLogin reads key files. An explicit identity must be usable. Of the usual
// ones it takes those that are.
func newLogin(t Target) (*login, error) {
	l := &login{target: t}
	if t.IdentityFile == "" {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			path := home(".ssh", name)
			s, _, err := readIdentity(path)
			switch {
			case err == nil:
				l.files = append(l.files, s)
			case !errors.Is(err, fs.ErrNotExist):
				l.notes = append(l.notes, err.Error())
			}
		}
		return l, nil
	}
	s, public, err := readIdentity(t.IdentityFile)
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		l.files = []ssh.Signer{s}
	case errors.As(err, &locked) && t.Agent && os.Getenv("SSH_AUTH_SOCK") != "":
		l.locked = public
	case errors.As(err, &locked):
		return nil, t.fail(ErrAuth, fmt.Errorf("%s has a passphrase, and no ssh-agent is asked", t.IdentityFile),
			"start ssh-agent, run `ssh-add "+t.IdentityFile+"` and leave `agent` true")
	default:
		return nil, t.fail(ErrAuth, err, "name a private key that this user may read as identity_file")
	}
	return l, nil
}

// readIdentity reads a private key and its certificate, if there is one
// beside it. For a key with a passphrase it returns the public half, if
// known, and a *ssh.PassphraseMissingError.
func readIdentity(path string) (ssh.Signer, ssh.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the identity: %w", err)
	}
	s, err := ssh.ParsePrivateKey(data)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		public := locked.PublicKey
		if public == nil {
			public = readPublic(path + ".pub")
		}
		return nil, public, fmt.Errorf("read the identity %s: %w", path, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the identity %s: %w", path, err)
	}
	s = withoutSHA1(s)
	if cert, ok := readPublic(path + "-cert.pub").(*ssh.Certificate); ok {
		if cs, err := ssh.NewCertSigner(cert, s); err == nil {
			s = cs
		}
	}
	return s, s.PublicKey(), nil
}

func readPublic(path string) ssh.PublicKey {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil
	}
	return key
}

// withoutSHA1 stops an RSA key from signing with SHA-1 for a server that does
// not say which algorithms it accepts.
func withoutSHA1(s ssh.Signer) ssh.Signer {
	as, ok := s.(ssh.AlgorithmSigner)
	if !ok || s.PublicKey().Type() != ssh.KeyAlgoRSA {
		return s
	}
	ms, err := ssh.NewSignerWithAlgorithms(as, familyRSA)
	if err != nil {
		return s
	}
	return ms
}

// signers returns the keys to offer: an explicit identity, then those of
// ssh-agent, then the usual files.
func (l *login) signers(ctx context.Context) ([]ssh.Signer, error) {
	var all []ssh.Signer
	add := func(from string, signers ...ssh.Signer) {
		for _, s := range signers {
			if !hasSigner(all, s) {
				all = append(all, s)
				l.offered = append(l.offered, ssh.FingerprintSHA256(s.PublicKey())+" ("+from+")")
			}
		}
	}
	named := l.target.IdentityFile != ""
	if named {
		add(l.target.IdentityFile, l.files...)
	}
	held, err := l.askAgent(ctx)
	if err != nil {
		l.notes = append(l.notes, err.Error())
	}
	if l.locked != nil { // only the explicit identity, or none
		held = only(held, l.locked)
		if len(held) == 0 {
			l.notes = append(l.notes, l.target.IdentityFile+" has a passphrase and ssh-agent does not hold it: run `ssh-add "+l.target.IdentityFile+"`")
		}
	}
	add("ssh-agent", held...)
	if !named {
		add("~/.ssh", l.files...)
	}
	return all, nil
}

func (l *login) askAgent(ctx context.Context) ([]ssh.Signer, error) {
	path := os.Getenv("SSH_AUTH_SOCK")
	if !l.target.Agent || path == "" {
		return nil, nil
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("ask ssh-agent: %w", err)
	}
	if at, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(at)
	}
	l.close()
	l.socket = c
	signers, err := agent.NewClient(c).Signers()
	if err != nil {
		return nil, fmt.Errorf("ask ssh-agent: %w", err)
	}
	for i, s := range signers {
		signers[i] = withoutSHA1(s)
	}
	return signers, nil
}

// close ends the connection to ssh-agent. Signatures with its keys need it
// open.
func (l *login) close() {
	if l.socket != nil {
		_ = l.socket.Close()
		l.socket = nil
	}
}

// refused returns the error for a login that was refused.
func (l *login) refused(err error) *Error {
	offered := "no key was offered"
	if len(l.offered) > 0 {
		offered = "offered " + strings.Join(l.offered, ", ")
	}
	notes := ""
	if len(l.notes) > 0 {
		notes = " (" + strings.Join(l.notes, "; ") + ")"
	}
	hint := "put the public key into ~" + l.target.User + "/.ssh/authorized_keys there, or name the right one as identity_file"
	if len(l.offered) > 5 {
		hint = "sshd allows six tries at most: name the right key as identity_file"
	}
	return l.target.fail(ErrAuth, fmt.Errorf("%w; %s%s", err, offered, notes), hint)
}

func hasSigner(all []ssh.Signer, s ssh.Signer) bool {
	for _, have := range all {
		if bytes.Equal(have.PublicKey().Marshal(), s.PublicKey().Marshal()) {
			return true
		}
	}
	return false
}

func only(signers []ssh.Signer, key ssh.PublicKey) []ssh.Signer {
	for _, s := range signers {
		if bytes.Equal(s.PublicKey().Marshal(), key.Marshal()) {
			return []ssh.Signer{s}
		}
	}
	return nil
}
