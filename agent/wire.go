package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"time"

	"github.com/creachadair/jrpc2"

	"github.com/pmkctl/pmkctl/host"
)

// protocol is the version of the messages in this file.
const protocol = 1

// A hello is the first message that the agent sends.
type hello struct {
	Protocol int        `json:"protocol"`
	Version  string     `json:"version"`
	ReadOnly bool       `json:"read_only"`
	Facts    host.Facts `json:"facts"`
}

// Parameters and results of calls for which package host has no type.
type (
	none      struct{}
	nameArgs  struct{ Names []string }
	pathArgs  struct{ Path string }
	filesArgs struct{ Queries []host.FileQuery }

	journalArgs struct {
		Unit string
		N    int
	}
	etcdArgs struct {
		Request host.EtcdRequest `json:"request"`
		ID      string           `json:"id"`
	}
	fsyncArgs struct {
		Dir string
		N   int
	}
	appendArgs struct {
		Path string
		Data []byte
	}
	graceArgs   struct{ Grace time.Duration }
	symlinkArgs struct{ Path, Target string }
	unitArgs    struct {
		Name string
		Do   host.UnitAction
	}
	sysctlArgs  struct{ Name, Value string }
	requestArgs struct{ KeyPath, CommonName string }
	runArgs     struct {
		Argv  []string
		Stdin []byte
	}
	armArgs    struct{ Plan string }
	cancelArgs struct{ ID string }

	// An incoming file is on the host already with Have bytes.
	incoming  struct{ Have int64 }
	chunkArgs struct {
		SHA256 string
		Offset int64
		Data   []byte
	}
)

// failed is the code of every error that a handler returns. The data of the
// error say what kind it is.
const failed jrpc2.Code = 1

// kinds are the errors that errors.Is finds on the caller's side too.
var kinds = []struct {
	name string
	err  error
}{
	{"read-only", host.ErrReadOnly},
	{"unavailable", host.ErrUnavailable},
	{"secret", host.ErrSecret},
	{"digest", host.ErrDigest},
	{"not-exist", fs.ErrNotExist},
	{"exist", fs.ErrExist},
	{"permission", fs.ErrPermission},
	{"canceled", context.Canceled},
	{"deadline", context.DeadlineExceeded},
}

type errorData struct {
	Kinds  []string          `json:"kinds,omitempty"`
	Exit   *host.ExitError   `json:"exit,omitempty"`
	Locked *host.LockRequest `json:"locked,omitempty"`
}

// toWire returns err as the error that travels.
func toWire(err error) error {
	if err == nil {
		return nil
	}
	var d errorData
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			d.Kinds = append(d.Kinds, k.name)
		}
	}
	errors.As(err, &d.Exit)
	var locked *host.LockedError
	if errors.As(err, &locked) {
		d.Locked = &locked.Holder
	}
	return (&jrpc2.Error{Code: failed, Message: err.Error()}).WithData(d)
}

// fromWire returns an error with the text and the kinds of the one that
// toWire was given.
func fromWire(e *jrpc2.Error) error {
	r := &remoteError{text: e.Message}
	var d errorData
	if json.Unmarshal(e.Data, &d) != nil {
		return r
	}
	for _, name := range d.Kinds {
		for _, k := range kinds {
			if k.name == name {
				r.is = append(r.is, k.err)
			}
		}
	}
	if d.Exit != nil {
		r.is = append(r.is, d.Exit)
	}
	if d.Locked != nil {
		r.is = append(r.is, &host.LockedError{Holder: *d.Locked})
	}
	return r
}

// A remoteError has the text of an error on the host, and unwraps to its
// kinds.
type remoteError struct {
	text string
	is   []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.is }

// The time between heartbeats, the longest silence that the agent accepts,
// and the time to finish when the other side is lost.
const (
	beatEvery = 5 * time.Second
	silence   = 30 * time.Second
	grace     = 2 * time.Second
)
