package component

import (
	"context"
	"io"
)

// A Source is the origin of one file.
type Source struct {
	sources *Sources
	program File
}

// Of returns the source of one file.
func (s *Sources) Of(p File) Source { return Source{s, p} }

// Size returns the number of bytes; 0 if it is not known before a download.
func (s Source) Size(ctx context.Context) (int64, error) { return s.sources.Size(ctx, s.program) }

// Fetch makes the file available to Open, and returns the number of bytes.
func (s Source) Fetch(ctx context.Context) (int64, error) { return s.sources.Fetch(ctx, s.program) }

// Open opens the file after Fetch.
func (s Source) Open() (io.ReadCloser, error) { return s.sources.Open(s.program) }
