package probe

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// A frame is 24 bytes, a name and 16 bytes of HMAC-SHA-256 over them, keyed
// with the round's id, which is random and never sent:
//
//	0  "PMKP"   4  version   5  kind   6  sequence   7  length of the name
//	8  the round's tag       16 nonce  24 name       .. MAC
const (
	magic     = "PMKP"
	version   = 1
	ping      = 1
	pong      = 2
	pingAside = 3 // no echo has come so far: send it to the listener's port at the other end too
	icmpEcho  = 4 // in ICMP; a listener that sees it inside datagrams of the pod network ignores it
	headLen   = 24
	macLen    = 16
	maxName   = 63
	maxFrame  = headLen + maxName + macLen
)

type frame struct {
	kind, seq byte
	nonce     uint64
	name      string // of the host that echoes
}

// A cipher seals and opens the frames of a round.
type cipher struct {
	key []byte
	tag [8]byte
}

func newCipher(id string) cipher {
	sum := sha256.Sum256([]byte("pmkctl probe " + id))
	c := cipher{key: []byte(id)}
	copy(c.tag[:], sum[:8])
	return c
}

func (c cipher) seal(f frame) []byte {
	name := f.name[:min(len(f.name), maxName)]
	b := make([]byte, 0, maxFrame)
	b = append(b, magic...)
	b = append(b, version, f.kind, f.seq, byte(len(name)))
	b = append(b, c.tag[:]...)
	b = binary.BigEndian.AppendUint64(b, f.nonce)
	b = append(b, name...)
	return append(b, c.mac(b)...)
}

func (c cipher) mac(b []byte) []byte {
	h := hmac.New(sha256.New, c.key)
	h.Write(b)
	return h.Sum(nil)[:macLen]
}

// open finds a frame of the round in a payload, at whatever offset a shape
// has put it.
func (c cipher) open(b []byte) (frame, bool) {
	i := bytes.Index(b, []byte(magic))
	if i < 0 {
		return frame{}, false
	}
	b = b[i:]
	if len(b) < headLen+macLen || b[4] != version || !bytes.Equal(b[8:16], c.tag[:]) {
		return frame{}, false
	}
	end := headLen + int(b[7])
	if len(b) < end+macLen || !hmac.Equal(b[end:end+macLen], c.mac(b[:end])) {
		return frame{}, false
	}
	return frame{kind: b[5], seq: b[6], nonce: binary.BigEndian.Uint64(b[16:24]), name: string(b[headLen:end])}, true
}

// nonceIn reads the nonce of a frame that may be cut short, as in an ICMP
// error. It is not authenticated.
func (c cipher) nonceIn(b []byte) (uint64, bool) {
	i := bytes.Index(b, []byte(magic))
	if i < 0 || len(b) < i+headLen || !bytes.Equal(b[i+8:i+16], c.tag[:]) {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[i+16 : i+24]), true
}
