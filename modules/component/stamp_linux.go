package component

import (
	"fmt"
	"io/fs"
	"syscall"
)

// look is what changes when a file's content does.
func look(st fs.FileInfo) string {
	s := fmt.Sprintf("%d bytes, %d", st.Size(), st.ModTime().UnixNano())
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		s += fmt.Sprintf(", inode %d:%d, %d", sys.Dev, sys.Ino, sys.Ctim.Nano())
	}
	return s
}
