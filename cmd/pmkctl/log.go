package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// callLog is the file behind -log: every call to a host's agent in a line of
// its own.
type callLog struct {
	mu   sync.Mutex
	file *os.File
}

// openLog opens the log that -log asks for; nil where it does not.
func (a *app) openLog() (*callLog, error) {
	if a.flags.log == "" {
		return nil, nil
	}
	f, err := os.OpenFile(a.flags.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &callLog{file: f}, nil
}

// trace is what a session of a host tells its calls to; nil if nobody wants
// to know.
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
		fmt.Fprintf(l.file, "%s %s %s %s %q\n", now().UTC().Format("2006-01-02T15:04:05.000000Z"), host, method, took.Round(time.Microsecond), result)
	}
}

// close ends the log. What could not be written to it was told nowhere else,
// and is no reason for a run to fail.
func (l *callLog) close() {
	if l != nil {
		_ = l.file.Close()
	}
}
