package run

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/user"

	"github.com/pmkctl/pmkctl/plan/saved"
)

// thisBuild is the pmkctl that runs.
func thisBuild(version string) (saved.Build, error) {
	name, err := os.Executable()
	if err != nil {
		return saved.Build{}, fmt.Errorf("find this program's file: %w", err)
	}
	f, err := os.Open(name)
	if err != nil {
		return saved.Build{}, fmt.Errorf("find this program's file: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return saved.Build{}, fmt.Errorf("read this program's file: %w", err)
	}
	return saved.Build{Version: version, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// operator is the human or the account behind this run, as locks and saved
// plans name it: alice@laptop.
func operator() string {
	name, machine := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		machine = h
	}
	return name + "@" + machine
}
