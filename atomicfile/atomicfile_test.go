package atomicfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pmkctl/pmkctl/atomicfile"
)

func TestWrite(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	for _, tt := range []struct {
		content    string
		mode, want os.FileMode
	}{{"new", 0o640, 0o640}, {"replaced", 0, 0o640}, {"with a mode", 0o600, 0o600}} {
		if err := atomicfile.Write(name, []byte(tt.content), tt.mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		info, _ := os.Stat(name)
		if err != nil || string(got) != tt.content || info.Mode().Perm() != tt.want {
			t.Errorf("got %q with mode %o, %v", got, info.Mode().Perm(), err)
		}
	}
	if err := atomicfile.Write(name+".other", nil, 0); err == nil {
		t.Error("the mode of a file that is not there was kept")
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(name), ".*")); len(files) > 0 {
		t.Errorf("remaining: %v", files)
	}
}
