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

// thisBuild returns the version and the digest of the running pmkctl.
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

// operator returns the user and the machine of this run in the form that locks
// and saved plans have: alice@laptop.
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
