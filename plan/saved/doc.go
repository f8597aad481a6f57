// Package saved keeps a plan as a file: what was reviewed, and all that is needed
// to apply exactly that. It owns the format. The executor makes such plans and
// compares hosts with them.
//
// A file is one line that names the format, its version and the SHA-256 of
// the rest, and the rest is JSON. A plan's id is the SHA-256 of the whole
// file, so that sha256sum prints it. The file has no secrets. Instead it has a
// salted digest of each secret of the spec.
package saved
