package hosttest

import (
	"net/http"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// Kubelets says when kubelets report to the API server.
type Kubelets struct {
	Renew  time.Duration // between two renewals of a Node's lease; the first comes at the start
	Report time.Duration // from a restart to the first status; until then the Node keeps the last one
	Grace  time.Duration // from a stop to the Node being not Ready
}

// RealKubelets are the times of a real Kubernetes. Without Report, kubelets
// in memory report at once.
var RealKubelets = Kubelets{Renew: 10 * time.Second, Report: 5 * time.Second, Grace: 40 * time.Second}

// Report sets when the cluster's kubelets report.
func (c *Cluster) Report(k Kubelets) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kubelets = k
}

// A report is what the API server knows of a host's kubelet.
type report struct {
	pid      int       // 0 while it is stopped
	since    time.Time // when it started or stopped
	reported bool      // the Node shows that
	renewed  time.Time // last renewal of the lease by the former kubelet
}

// heard notes that a kubelet started or stopped.
func (c *Cluster) heard(name string, pid int) {
	r := c.reports[name]
	if r == nil || r.pid != pid {
		c.reports[name] = &report{pid: pid, since: time.Now(), renewed: c.renewed(r)}
	}
}

// renewed returns when a kubelet last renewed its lease; zero if it never
// did.
func (c *Cluster) renewed(r *report) time.Time {
	switch {
	case r == nil:
		return time.Time{}
	case r.pid == 0:
		return r.renewed
	}
	return r.since.Add(time.Since(r.since).Truncate(c.kubelets.Renew))
}

// report updates the Node of a host if its kubelet has had the time to
// report. A new Node registers at once.
func (c *Cluster) report(name string) {
	s, r := c.states[name], c.reports[name]
	wait := c.kubelets.Report
	if r.pid == 0 {
		wait = c.kubelets.Grace
	}
	if c.store.objects[nodePath(s.Node)] != nil && time.Since(r.since) < wait {
		return
	}
	if s.Kubelet {
		c.store.register(s, !r.reported)
	} else {
		c.store.unready(s.Node)
	}
	r.reported = true
}

// catchUp reports for the kubelets whose time has come since the last change.
func (c *Cluster) catchUp() {
	if !c.store.begun {
		return
	}
	for _, name := range sortedKeys(c.reports) {
		if !c.reports[name].reported {
			c.report(name)
		}
	}
}

// lease returns the lease by which a kubelet shows that it lives.
func (c *Cluster) lease(t target) host.KubeResponse {
	for name, s := range c.states {
		at := c.renewed(c.reports[name])
		if s.Node != t.name || at.IsZero() {
			continue
		}
		o := thing(t.apiVersion, t.kind, t.namespace, t.name)
		o["spec"] = map[string]any{"holderIdentity": t.name, "leaseDurationSeconds": 40, "renewTime": at.UTC().Format("2006-01-02T15:04:05.000000Z07:00")}
		return jsonAnswer(http.StatusOK, o)
	}
	return notFound(t)
}

// WatchNodes begins to count how many Nodes are down at once, whatever the
// API server shows of them. A Node is down if its kubelet is stopped or not
// ready. most returns the highest count so far.
func (c *Cluster) WatchNodes() (most func() int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mostDown = 0
	return func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.mostDown
	}
}

func (c *Cluster) countDown() {
	down := 0
	for _, s := range c.states {
		if c.store.objects[nodePath(s.Node)] != nil && !s.ready() {
			down++
		}
	}
	c.mostDown = max(c.mostDown, down)
}

func (s state) ready() bool { return s.Kubelet && s.Network && !s.Hasty }
