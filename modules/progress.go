package modules

import "context"

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
