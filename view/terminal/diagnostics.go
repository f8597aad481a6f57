package terminal

import (
	"io"

	"github.com/hashicorp/hcl/v2"
)

// Diagnostics shows diagnostics with their source lines, errors and
// warnings in the order of the files. width is that of the terminal; 0 if
// there is none.
func Diagnostics(w io.Writer, files map[string]*hcl.File, diags hcl.Diagnostics, width int, st Style) error {
	if len(diags) == 0 {
		return nil
	}
	if width == 0 {
		width = 100
	}
	return hcl.NewDiagnosticTextWriter(w, files, uint(width), st.on).WriteDiagnostics(diags)
}
