package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// How long a receiver waits for bytes of a file, for the next file, and for
// another receiver to finish with the same file.
const (
	idleInFile  = 60 * time.Second
	idleBetween = 10 * time.Minute
	busyWait    = idleInFile + 5*time.Second
)

// Receive receives files that the armed agent announced in stateDir ("" is
// /var/lib/pmkctl), one after the other, until rw ends. Bytes that an earlier
// try received are not sent again.
func Receive(ctx context.Context, rw io.ReadWriteCloser, stateDir string) error {
	if stateDir == "" {
		stateDir = "/var/lib/pmkctl"
	}
	defer context.AfterFunc(ctx, func() { rw.Close() })()
	idle := time.AfterFunc(idleBetween, func() { rw.Close() })
	defer idle.Stop()
	if _, err := io.WriteString(rw, Magic); err != nil {
		return err
	}
	r := bufio.NewReaderSize(rw, 128<<10)
	for {
		idle.Reset(idleBetween)
		line, err := readLine(r, maxLine)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var head bulkHeader
		if err := json.Unmarshal([]byte(line), &head); err != nil {
			return fmt.Errorf("read header: %w", err)
		}
		if err := receive(ctx, rw, r, idle, filepath.Join(stateDir, "incoming"), head); err != nil {
			_ = writeLine(rw, bulkAnswer{Err: err.Error()}) // err is returned as well
			return err
		}
	}
}

// receive receives one file.
func receive(ctx context.Context, w io.Writer, r io.Reader, idle *time.Timer, dir string, head bulkHeader) error {
	if err := checkDigest(head.SHA256); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, head.SHA256), os.O_WRONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Errorf("open what was announced: %w", err)
	}
	defer f.Close()
	if err := alone(ctx, f); err != nil {
		return err
	}
	have, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if head.Size < 0 || have > head.Size {
		return fmt.Errorf("have %d bytes of %d", have, head.Size)
	}
	if err := writeLine(w, bulkAnswer{Have: have}); err != nil {
		return err
	}
	if err := fill(f, r, idle, head.Size-have); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return writeLine(w, bulkAnswer{Have: head.Size})
}

// fill appends n bytes from r to f. If it fails, the bytes that came stay in
// f.
func fill(f *os.File, r io.Reader, idle *time.Timer, n int64) error {
	buf := make([]byte, 128<<10)
	for n > 0 {
		idle.Reset(idleInFile)
		got, err := r.Read(buf[:min(n, int64(len(buf)))])
		if _, werr := f.Write(buf[:got]); werr != nil {
			return fmt.Errorf("write: %w", werr)
		}
		if n -= int64(got); err != nil && n > 0 {
			return fmt.Errorf("read, %d bytes before the end: %w", n, err)
		}
	}
	return nil
}

// alone waits until no other receiver writes to f.
func alone(ctx context.Context, f *os.File) error {
	l := &lockFile{path: f.Name()}
	ctx, cancel := context.WithTimeout(ctx, busyWait)
	defer cancel()
	if err := l.await(ctx, f, busyWait); err != nil {
		return fmt.Errorf("wait for another transfer of the same file: %w", err)
	}
	return nil
}
