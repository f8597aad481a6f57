// Package atomicfile replaces files of the controller in one step. Files on
// hosts are the business of host/oshost.
package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write replaces a file, so that its readers see the old or the new content.
// mode 0 keeps that of the file there.
func Write(name string, content []byte, mode os.FileMode) error {
	if mode == 0 {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // absent after the rename
	_, err = f.Write(content)
	if err := errors.Join(f.Chmod(mode), err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
