package component

import (
	"context"
	"io"
)

// A Source is where one file comes from.
type Source struct {
	sources *Sources
	program Program
}

// Of is the source of one file.
func (s *Sources) Of(p Program) Source { return Source{s, p} }

// Size is how many bytes the file has; 0 where only a download would tell.
func (s Source) Size(ctx context.Context) (int64, error) { return s.sources.Size(ctx, s.program) }

// Fetch makes sure that Open can, and returns the size.
func (s Source) Fetch(ctx context.Context) (int64, error) { return s.sources.Fetch(ctx, s.program) }

// Open opens what was fetched.
func (s Source) Open() (io.ReadCloser, error) { return s.sources.Open(s.program) }
