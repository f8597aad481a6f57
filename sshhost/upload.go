package sshhost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Dir is where agents are on a host, each in a directory of its own.
const Dir = "/var/lib/pmkctl/agent"

// AgentPath returns the path of an agent's executable on a host.
func AgentPath(id string) string { return path.Join(Dir, id, "pmkctl") }

const (
	uploadReady = "pmkctl-upload "
	uploadDone  = "pmkctl-uploaded"
)

// UploadCommand returns the command that receives an agent, without sudo. Its
// argument is in single quotes and contains no quotes, backslashes,
// exclamation marks or newlines, so all login shells read it alike. The
// command prints the platform of the host, reads a SHA-256 and a gzip stream,
// and puts the file in place if they match. Then it removes all agents except
// the newest two.
func UploadCommand(id string) string {
	return `/bin/sh -c '` + strings.NewReplacer("DIR", Dir, "ID", id).Replace(strings.Join([]string{
		`set -e`,
		`umask 022; mkdir -p /var/lib/pmkctl`,
		`umask 077; mkdir -p DIR/ID`,
		`echo ` + uploadReady + `$(uname -sm)`,
		`read -r sum`,
		`t=$(mktemp DIR/ID/new-XXXXXX)`,
		`trap "rm -f $t" EXIT`,
		`gzip -dc >$t`,
		`echo "$sum  $t" | sha256sum -c - >&2`,
		`chmod 755 $t`,
		`sync $t || sync`,
		`mv -f $t DIR/ID/pmkctl`,
		`sync DIR/ID || sync`,
		`cd DIR`,
		`ls -t | tail -n +3 | while read -r old; do rm -rf "./$old"; done`,
		`echo ` + uploadDone,
	}, "; ")) + `'`
}

// upload copies the agent to the host.
func (c *conn) upload(ctx context.Context, t Target, e *executable, id string, o Options) error {
	p, err := c.run(ctx, t, UploadCommand(id))
	if err != nil {
		return err
	}
	defer p.session.Close()
	stop := context.AfterFunc(ctx, func() { _ = p.session.Close() })
	defer stop()
	out := bufio.NewReader(p)
	platform, err := line(out, uploadReady)
	if err != nil {
		return p.explainUpload(ctx, err)
	}
	p.admitted()
	system, machine, _ := strings.Cut(platform, " ")
	agent, err := e.forHost(system, machine)
	if err != nil {
		return t.fail(ErrStart, err, "")
	}
	if err := send(p, agent, o.Progress); err != nil {
		return p.explainUpload(ctx, err)
	}
	if _, err := line(out, uploadDone); err != nil {
		return p.explainUpload(ctx, err)
	}
	p.exitStatus()
	return nil
}

func send(p *process, a *packed, progress func(done, total int64)) error {
	if _, err := io.WriteString(p, a.sha256+"\n"); err != nil {
		return err
	}
	const chunk = 128 << 10
	for at := 0; at < len(a.gzip); at += chunk {
		if _, err := p.Write(a.gzip[at:min(at+chunk, len(a.gzip))]); err != nil {
			return err
		}
		if progress != nil {
			progress(int64(min(at+chunk, len(a.gzip))), int64(len(a.gzip)))
		}
	}
	return p.closeInput()
}

// line reads up to the line with this prefix and returns the rest of that
// line. It skips what a shell prints before it.
func line(r *bufio.Reader, prefix string) (string, error) {
	for skipped := 0; skipped < 64<<10; {
		b, err := r.ReadSlice('\n')
		skipped += len(b)
		if rest, ok := strings.CutPrefix(strings.TrimRight(string(b), "\r\n"), prefix); ok && err == nil {
			return rest, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
	}
	return "", errors.New("the host prints more than 64 KiB of something else")
}

func (p *process) explainUpload(ctx context.Context, err error) error {
	e := p.explain(ctx, err)
	e.Err = fmt.Errorf("copy the agent to %s: %w", Dir, e.Err)
	if e.Kind == ErrStart && !p.target.Become && p.target.User != "root" {
		e.Kind, e.Hint = ErrSudo, "log in as root, or set become = true"
	}
	return e
}
