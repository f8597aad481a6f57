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

// protocol is the version of what stands in this file.
const protocol = 1

// A hello is the first message, from the agent.
type hello struct {
	Protocol int        `json:"protocol"`
	Version  string     `json:"version"`
	ReadOnly bool       `json:"read_only"`
	Facts    host.Facts `json:"facts"`
}

// What calls carry where the host package has no type for it.
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

	// An incoming file has Have bytes on the host already.
	incoming  struct{ Have int64 }
	chunkArgs struct {
		SHA256 string
		Offset int64
		Data   []byte
	}
)

// failed is the code of every error that a handler returns; what it is stands
// in the data.
const failed jrpc2.Code = 1

// kinds are the errors that keep their identity.
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

// toWire is an error as it travels.
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

// fromWire is what toWire was given, as far as identity goes.
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

// A remoteError has the text of an error on the host and unwraps to what
// that was.
type remoteError struct {
	text string
	is   []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.is }

// Times between signs of life, and how long to go without.
const (
	beatEvery = 5 * time.Second
	silence   = 30 * time.Second
	grace     = 2 * time.Second
)
