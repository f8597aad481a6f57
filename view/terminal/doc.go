// Package view shows a run to people: plans, progress, reports and
// diagnostics as text. It decides nothing; what it shows comes from the
// other packages as values.
//
// Rules of output: what was asked for (plan, report, summary) goes to
// standard output, the rest (progress, diagnostics, prompt) to standard
// error. Every line reads without colour: signs and words carry what colour
// repeats.
package terminal
