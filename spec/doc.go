// Package spec turns cluster.hcl into checked Go structs. It is the only
// parser of HCL, and every mistake it finds is a diagnostic with file, line
// and what to write instead; all of them are told at once.
//
// A load goes through: read (read.go), scan against what hcl cannot bear
// (scan.go), parse, variables and locals (vars.go, locals.go), evaluation by
// the tables of blocks and attributes (schema.go, node.go) on a budget
// (meter.go), decoding into structs (decode.go), checks over the whole
// (check.go), and redaction of what is sensitive (redact.go).
package spec
