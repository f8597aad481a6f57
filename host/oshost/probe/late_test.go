package probe

import (
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A frame that the listener had no time to read has arrived all the same and
// is answered late. The late answer counts when the dial is repeated.
func TestLate(t *testing.T) {
	for _, proto := range []string{"udp", "tcp"} {
		t.Run(proto, func(t *testing.T) {
			var a, b Prober
			defer a.Close()
			defer b.Close()
			port := freePort(t, proto, "127.0.0.1")
			if _, err := a.ProbeListen(t.Context(), host.ListenRequest{ID: "one", Host: "a", Ports: []host.PortSpec{{Proto: proto, Addr: "127.0.0.1", Port: port}}}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Millisecond) // the kernel takes a moment to start time stamps
			dial := func() host.Dialled {
				got, err := b.ProbeDial(t.Context(), host.DialRequest{ID: "one", Wait: 200 * time.Millisecond, Dials: []host.Dial{
					{Proto: proto, Addr: "127.0.0.1", Port: port, Host: "a", Nonce: "1"}}})
				if err != nil {
					t.Fatal(err)
				}
				return got[0]
			}
			resume := pause(a.rounds["one"])
			silent := dial()
			resume()
			if silent.Outcome != host.Filtered && silent.Outcome != host.Silent {
				t.Fatalf("while the listener is paused: got %+v", silent)
			}
			seen, err := a.ProbeSeen(t.Context(), host.SeenRequest{ID: "one", Nonces: []string{"0000000000000001"}})
			if err != nil || len(seen) != 1 || seen[0].Count < 1 || seen[0].Prompt != 0 {
				t.Errorf("got arrivals %+v, %v, want some and none prompt", seen, err)
			}
			if none, _ := a.ProbeSeen(t.Context(), host.SeenRequest{ID: "one", Nonces: []string{"2"}}); len(none) != 0 {
				t.Errorf("of another nonce: got %+v", none)
			}
			if _, err := b.ProbeSeen(t.Context(), host.SeenRequest{ID: "one"}); err != nil { // reads what came late
				t.Fatal(err)
			}
			if again := dial(); again.Outcome != host.OK || proto == "udp" && again.RTT < 60*time.Millisecond {
				t.Errorf("dialled again: got %+v", again)
			}
			if seen, _ := a.ProbeEnd(t.Context(), "one"); proto == "udp" && seen[0].Prompt != 0 {
				t.Errorf("the echo that came late was not enough, it was asked for again: %+v", seen)
			}
		})
	}
}

// pause keeps a round from reading its sockets until the returned function is
// called.
func pause(r *round) func() {
	for _, p := range r.pumps {
		p.mu.Lock()
	}
	for _, b := range r.backlogs {
		b.mu.Lock()
	}
	return func() {
		for _, p := range r.pumps {
			p.mu.Unlock()
		}
		for _, b := range r.backlogs {
			b.mu.Unlock()
		}
	}
}

// A host that cannot send says so, rather than that nothing answers.
func TestNoRoom(t *testing.T) {
	now := time.Now()
	try := udpTry{sentAt: []time.Time{now, now}, noRoom: 2}
	if got := try.result(); got.Outcome != host.Unreachable || got.Detail == "" {
		t.Errorf("got %+v", got)
	}
	try.noRoom = 1
	if got := try.result(); got.Outcome != host.Filtered {
		t.Errorf("where one was sent: got %+v", got)
	}
}
