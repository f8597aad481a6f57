package event

import (
	"context"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/modules"
)

// WithProgress returns a context in which modules.Progress reports the bytes
// that the step has moved to sink.
func WithProgress(ctx context.Context, a address.Addr, sink Sink) context.Context {
	return modules.WithProgress(ctx, func(done, total int64) { sink(StepProgress{a, done, total}) })
}
