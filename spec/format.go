package spec

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format lays out a file of a spec. A file that cannot be parsed is returned
// unchanged, with diagnostics.
func Format(name string, src []byte) ([]byte, hcl.Diagnostics) {
	if d := scan(name, src); d != nil {
		return src, hcl.Diagnostics{d}
	}
	if _, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos); diags.HasErrors() {
		return src, tidy(diags)
	}
	return hclwrite.Format(src), nil
}
