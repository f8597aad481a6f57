package event

import (
	"context"

	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/plan"
)

// WithProgress lets the step that runs under ctx report bytes moved, through
// modules.Progress.
func WithProgress(ctx context.Context, a plan.Addr, sink Sink) context.Context {
	return modules.WithProgress(ctx, func(done, total int64) { sink(StepProgress{a, done, total}) })
}
