package run

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// A callLog is a file with one line for each call to the agent of a host.
type callLog struct {
	now  func() time.Time
	mu   sync.Mutex
	file *os.File
}

// openLog opens the log that the options name. It returns nil if they name
// none.
func (o Options) openLog() (*callLog, error) {
	if o.Log == "" {
		return nil, nil
	}
	f, err := os.OpenFile(o.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &callLog{now: o.Now, file: f}, nil
}

// trace returns the function that a session with a host calls after each call
// to its agent; nil without a log.
func (l *callLog) trace(host string) func(method string, took time.Duration, err error) {
	if l == nil {
		return nil
	}
	return func(method string, took time.Duration, err error) {
		result := "ok"
		if err != nil {
			result = err.Error()
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		fmt.Fprintf(l.file, "%s %s %s %s %q\n", l.now().UTC().Format("2006-01-02T15:04:05.000000Z"), host, method, took.Round(time.Microsecond), result)
	}
}

// close ends the log. Errors of writing it do not fail a run.
func (l *callLog) close() {
	if l != nil {
		_ = l.file.Close()
	}
}
