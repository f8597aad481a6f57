package modules

import (
	"context"
	"io"
)

type progressKey struct{}

// WithProgress returns a context in which Progress calls report.
func WithProgress(ctx context.Context, report func(done, total int64)) context.Context {
	return context.WithValue(ctx, progressKey{}, report)
}

// Progress reports how many bytes of how many were moved. It does nothing if ctx
// does not come from WithProgress.
func Progress(ctx context.Context, done, total int64) {
	if report, ok := ctx.Value(progressKey{}).(func(done, total int64)); ok {
		report(done, total)
	}
}

// Counted returns a reader that reports what is read from source. source is a part
// of a transfer of total bytes, and done bytes were moved before it.
func Counted(ctx context.Context, source io.ReadCloser, done, total int64) io.ReadCloser {
	return &counted{ReadCloser: source, ctx: ctx, done: done, total: total}
}

type counted struct {
	io.ReadCloser
	ctx         context.Context
	done, total int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.done += int64(n)
	Progress(c.ctx, c.done, c.total)
	return n, err
}
