package spec

import _ "embed"

//go:embed init.hcl
var initial []byte

// Init returns a commented spec to begin with. It validates with a warning,
// because its digests are zeros: pmkctl does not know the files yet.
func Init() []byte { return append([]byte(nil), initial...) }
