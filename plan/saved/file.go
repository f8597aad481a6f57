package saved

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Version is the version of the format. Within one version, fields are only added.
const Version = 1

// magic begins the first line of every version.
const magic = "pmkctl plan "

// maxFile is the largest file that is read, in bytes: far more than the plan of a
// thousand hosts.
const maxFile = 512 << 20

// A RefusedError is the reason why a file cannot be used as a plan.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

func refused(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

// Encode returns the content of the file.
func (p *Plan) Encode() ([]byte, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode the plan: %w", err)
	}
	body = append(body, '\n')
	return append([]byte(header(body)), body...), nil
}

func header(body []byte) string {
	return fmt.Sprintf("%s%d sha256:%s\n", magic, Version, digest(body))
}

// ID returns a plan's id: the SHA-256 of its file, lower-case hex.
func ID(file []byte) string { return digest(file) }

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// IsPlan reports whether the first bytes of a file are those of a saved plan.
func IsPlan(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	first := make([]byte, len(magic))
	_, _ = io.ReadFull(f, first) // a short file has few
	return string(first) == magic
}

// Decode reads the content of a file. It returns a *RefusedError if that is not to
// the byte what Encode returned.
func Decode(file []byte) (*Plan, error) {
	first, body, whole := bytes.Cut(file, []byte("\n"))
	rest, ours := bytes.CutPrefix(first, []byte(magic))
	if !ours {
		return nil, refused("it is no saved plan, or its first line is damaged")
	}
	number, _, _ := strings.Cut(string(rest), " ")
	if n, err := strconv.Atoi(number); err == nil && n > Version && whole {
		return nil, refused("it has format %d and this pmkctl reads format %d: use the pmkctl that made it", n, Version)
	}
	if !whole || string(first)+"\n" != header(body) {
		return nil, refused("it is truncated or was edited: its checksum is not that of its content")
	}
	p := &Plan{}
	if err := json.Unmarshal(body, p); err != nil {
		return nil, refused("it cannot be read: %v", err)
	}
	if err := p.check(); err != nil {
		return nil, refused("%v", err)
	}
	return p, nil
}

// Read reads a plan from a file, like Decode, and returns its id too.
func Read(name string) (p *Plan, id string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, "", err
	}
	if len(b) > maxFile {
		return nil, "", refused("it is larger than any plan")
	}
	p, err = Decode(b)
	return p, ID(b), err
}
