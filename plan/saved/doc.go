// Package saved is a plan as a file: what was reviewed, and all that is
// needed to do exactly that and nothing else. It owns the format; what a
// plan is made from and compared with is the executor's.
//
// A file is one line that names the format, its version and the SHA-256 of
// the rest, and the rest is JSON. A plan's id is the SHA-256 of the whole
// file, so that sha256sum tells it. There is no secret in it: of what the
// spec keeps secret it holds a salted digest.
package saved
