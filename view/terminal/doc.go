// Package terminal shows a run to people: plans, progress, reports and
// diagnostics as text. It decides nothing; what it shows comes from the other
// packages as values.
//
// Rules of output: what was asked for (plan, report, summary) goes to
// standard output, the rest (progress, diagnostics, prompt) to standard
// error. Every line is understood without colour, which only repeats what
// signs and words say.
package terminal
