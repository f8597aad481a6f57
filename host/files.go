package host

import (
	"context"
	"io"
	"time"
)

// FileReader reads the file system.
type FileReader interface {
	// Files reads what is at paths, in their order. A path with nothing there
	// has Type Absent, which is no error. Symbolic links are not followed.
	Files(ctx context.Context, queries []FileQuery) ([]File, error)
}

// FileWriter changes the file system.
type FileWriter interface {
	// WriteFile replaces a file in one step: it writes and syncs a temporary
	// file in the same directory, renames it and syncs the directory. The
	// directory must exist.
	WriteFile(ctx context.Context, f FileSpec) error

	// Append adds data to the end of a file and syncs it. It makes the file
	// with mode 0600 if there is none.
	Append(ctx context.Context, path string, data []byte) error

	// MakeDir makes a directory and its missing parents (0755, root), and
	// sets mode and owner of the directory itself.
	MakeDir(ctx context.Context, d DirSpec) error

	// Symlink makes or replaces a symbolic link in one step.
	Symlink(ctx context.Context, path, target string) error

	// Remove removes a file, a link or an empty directory. A path with
	// nothing there is no error.
	Remove(ctx context.Context, path string) error

	// Install sends a file of f.Size bytes to the host and, if its SHA-256 is
	// f.SHA256, puts it in place in one step, like WriteFile. Bytes that an
	// earlier try sent are not sent again.
	Install(ctx context.Context, f InstallSpec, open func() (io.ReadCloser, error)) error
}

// FileType is the kind of thing at a path.
type FileType string

// The file types. Absent means that nothing is there.
const (
	Absent  FileType = ""
	Regular FileType = "file"
	Dir     FileType = "directory"
	Link    FileType = "link"
	Other   FileType = "other"
)

// A FileQuery asks about one path.
type FileQuery struct {
	Path    string `json:"path"`
	Content bool   `json:"content,omitempty"` // the bytes, up to 1 MiB; a larger file is an error
	Digest  bool   `json:"digest,omitempty"`  // SHA-256; a recorded one serves while size, inode, mtime and ctime are the same
	Verify  bool   `json:"verify,omitempty"`  // hash in any case
	List    bool   `json:"list,omitempty"`    // the names in a directory, sorted
}

// File is what is at a path.
type File struct {
	Path    string    `json:"path"`
	Type    FileType  `json:"type"`
	Mode    uint32    `json:"mode"`  // permission bits with setuid, setgid and sticky as in chmod(1)
	Owner   string    `json:"owner"` // a name, or a number that has no name
	Group   string    `json:"group"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mtime"`
	Target  string    `json:"target,omitempty"`  // of a link
	Content []byte    `json:"content,omitempty"` // if asked for
	SHA256  string    `json:"sha256,omitempty"`  // if asked for; lower-case hex
	Entries []string  `json:"entries,omitempty"` // if asked for
	Secret  bool      `json:"secret,omitempty"`  // a private key: Content is never given
}

// A FileSpec is a file as it should be.
type FileSpec struct {
	Path    string `json:"path"`
	Mode    uint32 `json:"mode"`  // such as 0644
	Owner   string `json:"owner"` // "" is root
	Group   string `json:"group"` // "" is root
	Content []byte `json:"content"`
}

// A DirSpec is a directory as it should be.
type DirSpec struct {
	Path  string `json:"path"`
	Mode  uint32 `json:"mode"`
	Owner string `json:"owner"` // "" is root
	Group string `json:"group"` // "" is root
}

// An InstallSpec is a file as it should be, with the digest of its content in
// place of the content.
type InstallSpec struct {
	Path   string `json:"path"`
	Mode   uint32 `json:"mode"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}
