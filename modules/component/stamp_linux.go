package component

import (
	"fmt"
	"io/fs"
	"syscall"
)

// stamp returns a text that differs once the content of a file was changed.
func stamp(st fs.FileInfo) string {
	s := fmt.Sprintf("%d bytes, %d", st.Size(), st.ModTime().UnixNano())
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		s += fmt.Sprintf(", inode %d:%d, %d", sys.Dev, sys.Ino, sys.Ctim.Nano())
	}
	return s
}
