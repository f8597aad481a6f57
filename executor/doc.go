// Package executor walks a plan: it checks all steps at once, and applies those
// that differ in parallel, in the order of the graph. It stops behind failures.
// It does not know what a step does.
package executor
