package reach

import (
	"encoding/binary"
	"encoding/hex"
)

// The purpose of a nonce is in the upper bits of its index.
const (
	kindShift = 30
	kindEdge  = 0
	kindFull  = 1 // a full-size datagram of an edge
	kindRung  = 2 // a datagram of a size that is tried
)

// nonce returns 16 hex digits, the lower half of which is the index.
func nonce(base uint32, index int) string {
	var b [8]byte
	binary.BigEndian.PutUint32(b[:], base)
	binary.BigEndian.PutUint32(b[4:], uint32(index))
	return hex.EncodeToString(b[:])
}

// indexOf reads a nonce. It returns false if the nonce is not of this base.
func indexOf(base uint32, s string) (kind, index int, ok bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 8 || binary.BigEndian.Uint32(b) != base {
		return 0, 0, false
	}
	i := binary.BigEndian.Uint32(b[4:])
	return int(i >> kindShift), int(i & (1<<kindShift - 1)), true
}
