package modules

import (
	"context"
	"fmt"
	"sync"

	"github.com/pmkctl/pmkctl/address"
)

// A Value is a public fact that one step finds or makes and others need,
// such as a CA's certificate. Readers wait until the step that gives it was
// checked; then it is known, or known only after that step was applied.
type Value[T any] struct {
	step address.Step

	mu      sync.Mutex
	settled chan struct{} // closed once known or given up for now
	known   bool
	v       T
}

// An Output is a value seen from the step that gives it.
type Output interface {
	// Settle ends the wait of readers after the step's check, whether the
	// value was set or not. It may be repeated.
	Settle()
}

// NewValue is a value that the step with this address gives.
func NewValue[T any](step address.Step) *Value[T] {
	return &Value[T]{step: step, settled: make(chan struct{})}
}

// Known is a value that needs no step.
func Known[T any](v T) *Value[T] {
	x := NewValue[T](address.Step{})
	x.Set(v)
	return x
}

// Set makes the value known. A later Set replaces it.
func (x *Value[T]) Set(v T) {
	x.mu.Lock()
	x.v, x.known = v, true
	x.mu.Unlock()
	x.Settle()
}

// Settle ends the wait of readers.
func (x *Value[T]) Settle() {
	x.mu.Lock()
	defer x.mu.Unlock()
	select {
	case <-x.settled:
	default:
		close(x.settled)
	}
}

// Get waits until the value is settled. It fails with an *UnknownError while
// only applying its step can tell, and with ctx's error.
func (x *Value[T]) Get(ctx context.Context) (T, error) {
	var zero T
	select {
	case <-x.settled:
	case <-ctx.Done():
		return zero, ctx.Err()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.known {
		return zero, &UnknownError{Until: x.step}
	}
	return x.v, nil
}

// Now returns the value as far as it is known, and waits for nothing.
func (x *Value[T]) Now() (v T, known bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.v, x.known
}

// An UnknownError is a value that is known only after a step. A Check turns
// it into a Change with Until.
type UnknownError struct{ Until address.Step }

func (e *UnknownError) Error() string { return fmt.Sprintf("unknown until %s", e.Until) }
