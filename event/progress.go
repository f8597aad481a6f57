package event

import (
	"context"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/modules"
)

// WithProgress lets the step that runs under ctx report bytes moved, through
// modules.Progress.
func WithProgress(ctx context.Context, a address.Step, sink Sink) context.Context {
	return modules.WithProgress(ctx, func(done, total int64) { sink(StepProgress{a, done, total}) })
}
