package probe

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// Once a raw socket that went on reading after its end used up a processor
// until the agent ended.
func TestRawSocketEnds(t *testing.T) {
	r, err := newRound("raw-end")
	if err != nil {
		t.Fatal(err)
	}
	r.life = time.AfterFunc(time.Minute, func() {})
	err = r.listenRaw(host.PortSpec{Proto: "udp", Addr: "127.0.0.1", Port: 8285})
	if errors.Is(err, os.ErrPermission) {
		t.Skip("raw sockets need root")
	}
	if err != nil {
		t.Fatal(err)
	}
	r.close()
	stacks := make([]byte, 1<<20)
	for deadline := time.Now().Add(5 * time.Second); ; {
		if !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "(*rawSocket).serve") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the socket is still read")
		}
		runtime.Gosched()
	}
}
