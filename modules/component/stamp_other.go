//go:build !linux

package component

import (
	"fmt"
	"io/fs"
)

// stamp returns a text that differs once the content of a file was changed.
func stamp(st fs.FileInfo) string {
	return fmt.Sprintf("%d bytes, %d", st.Size(), st.ModTime().UnixNano())
}
