// Package executor walks a plan: it checks all steps at once, and applies
// those that differ in parallel, in the order of the graph, halting behind
// failures. It owns no knowledge of what a step does.
package executor
