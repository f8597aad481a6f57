package oshost

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/pmkctl/pmkctl/host"
)

// A hashState counts and hashes the bytes written to it.
type hashState struct {
	sum hash.Hash
	n   int64
}

func (s *hashState) add(b []byte) {
	if s.sum == nil {
		s.sum = sha256.New()
	}
	s.sum.Write(b)
	s.n += int64(len(b))
}

func (s *hashState) Write(b []byte) (int, error) {
	s.add(b)
	return len(b), nil
}

func (s *hashState) compare(f host.InstallSpec) error {
	s.add(nil)
	if got := hex.EncodeToString(s.sum.Sum(nil)); s.n != f.Size || got != f.SHA256 {
		return fmt.Errorf("%w: %s is %d bytes with SHA-256 %s, not %d with %s",
			host.ErrDigest, f.Path, s.n, got, f.Size, f.SHA256)
	}
	return nil
}
