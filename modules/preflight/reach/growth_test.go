package reach_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/modules/preflight/reach"
)

// A cost is what a probe of hosts in memory took of this process. It includes
// the cost of the hosts themselves.
type cost struct {
	edges     int
	took, cpu time.Duration
	allocated uint64 // bytes, in all
	peak      uint64 // bytes at a time, without what the hosts had before
}

// measureHosts probes n hosts in memory and fails the test unless every edge
// was dialled once and passes.
func measureHosts(t testing.TB, n int) cost {
	c, cluster := small(n)
	stop := watchHeap()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin, used := time.Now(), processTime()
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := cost{edges: len(c.Edges), took: time.Since(begin), cpu: processTime() - used}
	runtime.ReadMemStats(&after)
	out.allocated, out.peak = after.TotalAlloc-before.TotalAlloc, stop()
	dialledOnce(t, c, cluster)
	if got := bad(r); got != "" {
		t.Errorf("findings: %s", got)
	}
	return out
}

// processTime returns how long this process has had a processor.
func processTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// watchHeap samples the heap. The function that it returns ends that, and
// returns by how much the heap had grown at most.
func watchHeap() func() uint64 {
	runtime.GC()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	base, most, done := heap(), uint64(0), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-done:
				return
			case <-every.C:
				most = max(most, heap())
			}
		}
	})
	return func() uint64 {
		close(done)
		wg.Wait()
		return max(most, heap()) - base
	}
}

// What an edge costs does not depend on how many there are.
func TestGrowth(t *testing.T) {
	few, many := measureHosts(t, 60), measureHosts(t, 240)
	per := func(c cost) uint64 { return c.allocated / uint64(c.edges) }
	t.Logf("bytes an edge: %d of %d edges, %d of %d", per(few), few.edges, per(many), many.edges)
	if per(many) > per(few)*5/4 {
		t.Errorf("got %d bytes an edge with %d edges, %d with %d: it grows faster than they do", per(few), few.edges, per(many), many.edges)
	}
}

// More hosts than fit into a wave dial each other in waves, and the probe
// reports its progress.
func TestWaves(t *testing.T) {
	c, _ := small(450)
	var told []int64
	ctx := modules.WithProgress(t.Context(), func(done, total int64) {
		if total != int64(len(c.Edges)) {
			t.Errorf("got a total of %d, want %d", total, len(c.Edges))
		}
		told = append(told, done)
	})
	if _, err := c.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(told) != 3 || told[2] != int64(len(c.Edges)) || told[0] >= told[1] {
		t.Errorf("got progress %v, want three waves that end with %d edges", told, len(c.Edges))
	}
	if big := biggestWave(c); big > 200*2+1 {
		t.Errorf("a host dials %d edges in a wave", big)
	}
}

// biggestWave returns the most edges that one host dials in a call.
func biggestWave(c reach.Connectivity) int {
	most := 0
	var mu sync.Mutex
	for name, h := range c.Hosts {
		c.Hosts[name] = counted{h.(*hosttest.Host), func(n int) {
			mu.Lock()
			defer mu.Unlock()
			most = max(most, n)
		}}
	}
	c.Overhead = 0
	_, _ = c.Run(context.Background())
	return most - 1 // without the dial to itself
}

// The time that a check may take is that of all its passes, and grows with
// the edges.
func TestLongest(t *testing.T) {
	for _, tt := range []struct {
		hosts    int
		min, max time.Duration
	}{{3, 2 * time.Minute, 3 * time.Minute}, {1000, 5 * time.Minute, 10 * time.Minute}} {
		c := reach.Connectivity{Hosts: map[string]host.Host{}, Edges: make([]preflight.Edge, 2*tt.hosts*(tt.hosts-1))}
		for i := range tt.hosts {
			c.Hosts[fmt.Sprint(i)] = nil
		}
		if got := c.Longest(); got < tt.min || got > tt.max {
			t.Errorf("%d hosts: got %s, want from %s to %s", tt.hosts, got, tt.min, tt.max)
		}
	}
}

func BenchmarkConnectivity(b *testing.B) {
	for _, n := range []int{10, 100, 500, 1000} {
		b.Run(fmt.Sprintf("hosts=%d", n), func(b *testing.B) {
			var c cost
			for b.Loop() {
				c = measureHosts(b, n)
			}
			b.ReportMetric(float64(c.edges), "edges")
			b.ReportMetric(c.took.Seconds(), "s")
			b.ReportMetric(float64(c.cpu.Microseconds())/float64(c.edges), "cpu-µs/edge")
			b.ReportMetric(float64(c.peak)/float64(c.edges), "B-peak/edge")
			b.ReportMetric(float64(c.peak)/(1<<20), "MiB-peak")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// counted is a host that counts the dials of each call.
type counted struct {
	*hosttest.Host
	count func(int)
}

func (c counted) ProbeDial(ctx context.Context, r host.DialRequest) ([]host.Dialled, error) {
	c.count(len(r.Dials))
	return c.Host.ProbeDial(ctx, r)
}
