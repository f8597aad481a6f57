package spec

import _ "embed"

//go:embed init.hcl
var initial []byte

// Init is a commented spec to begin with. It validates, with a warning: its
// digests are zeros, for pmkctl cannot know those of files it has not seen.
func Init() []byte { return append([]byte(nil), initial...) }
