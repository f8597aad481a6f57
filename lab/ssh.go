package lab

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// ensureKey returns the key for all hosts, and makes it if there is none.
func ensureKey(root string) (ssh.Signer, error) {
	file := filepath.Join(root, KeyFile)
	b, err := os.ReadFile(file)
	if err == nil {
		return ssh.ParsePrivateKey(b)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "pmk-lab")
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	if err := writeFile(file+".pub", ssh.MarshalAuthorizedKey(signer.PublicKey()), 0o644); err != nil {
		return nil, err
	}
	return signer, writeFile(file, pem.EncodeToMemory(block), 0o600)
}

// ensurePassword returns the password of sudo on cp-1, and makes it if there is
// none.
func ensurePassword(root string) (string, error) {
	file := filepath.Join(root, BecomePasswordFile)
	b, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	password := rand.Text()
	return password, writeFile(file, []byte(password+"\n"), 0o600)
}

// knownHosts returns the lines of known_hosts for one host. publicKeys are its
// keys as in the files of sshd.
func (h Host) knownHosts(publicKeys string) string {
	var b strings.Builder
	for line := range strings.Lines(publicKeys) {
		if f := strings.Fields(line); len(f) >= 2 {
			fmt.Fprintf(&b, "[%s]:%d %s %s\n", h.SSHAddress, h.SSHPort, f[0], f[1])
		}
	}
	return b.String()
}

// login runs true on the host as its user over SSH. publicKeys are the host
// keys that are accepted.
func (h Host) login(ctx context.Context, key ssh.Signer, publicKeys string) error {
	at := net.JoinHostPort(h.SSHAddress, strconv.Itoa(h.SSHPort))
	conn, err := (&net.Dialer{Timeout: sshWithin}).DialContext(ctx, "tcp", at)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(sshWithin)); err != nil {
		return err
	}
	c, chans, reqs, err := ssh.NewClientConn(conn, at, &ssh.ClientConfig{
		User:            h.User,
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback: oneOf(publicKeys),
	})
	if err != nil {
		return fmt.Errorf("log in on %s as %s: %w", h.Name, h.User, err)
	}
	client := ssh.NewClient(c, chans, reqs)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return fmt.Errorf("log in on %s as %s: %w", h.Name, h.User, err)
	}
	return session.Run("true")
}

// oneOf accepts the host keys in a text in the form of authorized_keys.
func oneOf(publicKeys string) ssh.HostKeyCallback {
	return func(_ string, _ net.Addr, shown ssh.PublicKey) error {
		for rest := []byte(publicKeys); ; {
			key, _, _, next, err := ssh.ParseAuthorizedKey(rest)
			if err != nil {
				return errors.New("the host shows a key that is not its own")
			}
			if bytes.Equal(key.Marshal(), shown.Marshal()) {
				return nil
			}
			rest = next
		}
	}
}
