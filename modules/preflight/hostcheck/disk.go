package hostcheck

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// How etcd's disk is judged.
const (
	slowSync  = 10 * time.Millisecond // etcd's own advice, for the 99th percentile
	syncs     = 100                   // in each of two tries
	fewSyncs  = 20                    // the least from which anything is concluded
	liveSyncs = 10000                 // the least of a running etcd: fewer show its start rather than its disk
	histogram = "etcd_disk_wal_fsync_duration_seconds_bucket"
)

// memberDir returns the directory that exists once an etcd has used data.
func memberDir(data string) string { return data + "/member" }

// readDisk times writes, unless the host has an etcd. A running etcd is asked
// for its own figures, and its disk is not disturbed.
func (p Probe) readDisk(ctx context.Context, h host.Reader, s *seen) (err error) {
	switch {
	case s.units[etcdUnit].Active == "active":
		if p.EtcdMetrics == "" {
			return nil
		}
		r, err := h.Get(ctx, host.GetRequest{URL: p.EtcdMetrics, Lines: histogram})
		if r.Status == 200 {
			s.metrics = r.Body
		}
		return optional(err)
	case !notFound(s.units[etcdUnit]) || s.files[memberDir(p.EtcdData)].Type != host.Absent:
		return nil
	}
	s.syncs, err = h.FsyncLatency(ctx, p.EtcdData, 2*syncs)
	return optional(err)
}

// disk judges how fast etcd's disk is.
func (p Probe) disk(s *seen) (out []preflight.Finding) {
	add := func(format string, a ...any) {
		out = append(out, preflight.NewFinding(preflight.SlowDisk, p.Name, fmt.Sprintf(format, a...), "at most "+slowSync.String()))
	}
	if n := len(s.syncs); n >= fewSyncs {
		// A busy machine may be slow for a moment: the better half counts.
		if d := min(p99(s.syncs[:n/2]), p99(s.syncs[n/2:])); d > slowSync {
			add("a synced write to the disk of %s takes %s (99 of 100 are faster)", p.EtcdData, d.Round(100*time.Microsecond))
		}
	}
	if d, ok := histogramP99(s.metrics); ok && d > slowSync {
		add("etcd's synced writes take %s (99 of 100 are faster)", d.Round(100*time.Microsecond))
	}
	return out
}

// p99 returns the time that 99 of 100 writes do not exceed.
func p99(took []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[int(math.Ceil(0.99*float64(len(sorted))))-1]
}

// histogramP99 returns the 99th percentile of etcd's metrics. As Prometheus
// does, it interpolates between the bounds of the bucket that has it. It
// returns false if there are too few values.
func histogramP99(metrics []byte) (time.Duration, bool) {
	type bucket struct{ le, n float64 }
	var list []bucket
	for sc := bufio.NewScanner(bytes.NewReader(metrics)); sc.Scan(); {
		rest, ok := strings.CutPrefix(sc.Text(), histogram+`{le="`)
		le, count, cut := strings.Cut(rest, `"} `)
		if !ok || !cut {
			continue
		}
		bound, err := strconv.ParseFloat(le, 64)
		n, nerr := strconv.ParseFloat(strings.TrimSpace(count), 64)
		if err == nil && nerr == nil {
			list = append(list, bucket{bound, n})
		}
	}
	if len(list) < 2 || list[len(list)-1].n < liveSyncs {
		return 0, false
	}
	rank := 0.99 * list[len(list)-1].n
	low, below := 0.0, 0.0
	for _, b := range list {
		if b.n >= rank && !math.IsInf(b.le, 1) {
			return time.Duration((low + (b.le-low)*(rank-below)/(b.n-below)) * float64(time.Second)), true
		}
		if !math.IsInf(b.le, 1) {
			low, below = b.le, b.n
		}
	}
	return time.Duration(low * float64(time.Second)), true
}
