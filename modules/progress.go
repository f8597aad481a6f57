package modules

import (
	"context"
	"io"
)

type progressKey struct{}

// WithProgress lets a module that runs under ctx report the bytes it moves.
func WithProgress(ctx context.Context, report func(done, total int64)) context.Context {
	return context.WithValue(ctx, progressKey{}, report)
}

// Progress reports bytes moved so far and in all; without a listener it does
// nothing.
func Progress(ctx context.Context, done, total int64) {
	if report, ok := ctx.Value(progressKey{}).(func(done, total int64)); ok {
		report(done, total)
	}
}

// Counted reports what is read of source, which is part of a larger transfer
// of total bytes of which done were moved before.
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
