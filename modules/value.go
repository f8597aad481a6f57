package modules

import (
	"context"
	"fmt"
	"sync"

	"github.com/pmkctl/pmkctl/address"
)

// A Value is a public fact that one step finds or makes and others need, such as
// a CA's certificate. Readers wait until that step was checked. Then the value is
// known, or it becomes known only when that step is applied.
type Value[T any] struct {
	step address.Addr

	mu      sync.Mutex
	settled chan struct{} // closed when readers need not wait any longer
	known   bool
	v       T
}

// An Output is a Value without its type, for the caller of the step that gives it.
type Output interface {
	// Settle ends the wait of readers after the step's check, whether the
	// value is known or not. It may be repeated.
	Settle()
}

// NewValue returns a value that the step with this address gives.
func NewValue[T any](step address.Addr) *Value[T] {
	return &Value[T]{step: step, settled: make(chan struct{})}
}

// Known returns a value that is known without a step.
func Known[T any](v T) *Value[T] {
	x := NewValue[T](address.Addr{})
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

// Settle is the method of Output.
func (x *Value[T]) Settle() {
	x.mu.Lock()
	defer x.mu.Unlock()
	select {
	case <-x.settled:
	default:
		close(x.settled)
	}
}

// Get waits until the value is settled, or ctx ends. It returns an *UnknownError
// if the value is not known yet.
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

// Now returns the value if it is known, and does not wait.
func (x *Value[T]) Now() (v T, known bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.v, x.known
}

// An UnknownError says that a value is known only when a step was applied. A Check
// turns it into a Change with Until.
type UnknownError struct{ Until address.Addr }

func (e *UnknownError) Error() string { return fmt.Sprintf("unknown until %s", e.Until) }
