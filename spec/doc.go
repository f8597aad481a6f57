// Package spec turns cluster.hcl into checked Go structs. It is the only parser
// of HCL. Every mistake that it finds is a diagnostic with file, line and
// advice; all of them are reported at once.
//
// A load goes through these steps: read the files (read.go), scan them for
// input that hcl cannot handle (scan.go), parse, evaluate variables and locals
// (vars.go, locals.go), evaluate blocks by tables of blocks and attributes
// (schema.go, node.go) within a budget (meter.go), decode them into structs
// (decode.go), check the whole (check.go), and remove sensitive values from
// messages (redact.go).
package spec
