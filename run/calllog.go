package run

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// A callLog is a file with a line for every call to the agent of a host.
type callLog struct {
	now  func() time.Time
	mu   sync.Mutex
	file *os.File
}

// openLog opens the log that the options ask for; nil if they ask for none.
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

// trace returns what a session with a host reports its calls to; nil without
// a log.
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

// close ends the log. A line that could not be written is no reason for a run
// to fail.
func (l *callLog) close() {
	if l != nil {
		_ = l.file.Close()
	}
}
