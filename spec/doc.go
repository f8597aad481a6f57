// Package spec turns cluster.hcl into checked Go structs. It is the only
// parser of HCL, and every mistake it finds is a diagnostic with file, line
// and what to write instead.
package spec
