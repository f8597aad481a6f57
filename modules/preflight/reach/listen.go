package reach

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// listen binds all ports on all hosts. It reports whether the probe of
// another run holds one of them.
func (r *round) listen(ctx context.Context) (busy bool) {
	r.each(ctx, callTime, func(ctx context.Context, p *peer) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() (err error) { p.facts, err = p.host.Facts(ctx); return err })
		if r.Overhead > 0 || r.Routed {
			g.Go(func() (err error) { p.net, err = p.host.Network(ctx); return err })
		}
		g.Go(func() error { return r.bind(ctx, p) })
		return g.Wait()
	})
	for _, p := range r.peers {
		for i, b := range p.binds {
			busy = busy || b.Busy
			if b.Addr == "" || b.Addr == r.Addresses[p.name] { // not the loopback's, which no other host dials
				p.bound[portKey{b.Proto, b.Port}] = &p.binds[i]
			}
		}
	}
	return busy
}

func (r *round) bind(ctx context.Context, p *peer) (err error) {
	if r.Holder != nil {
		if p.lock, err = r.Holder(ctx, p.name); err != nil || p.lock != nil {
			return err
		}
	}
	req := host.ListenRequest{ID: r.id, Host: p.name}
	for _, port := range p.ports {
		req.Ports = append(req.Ports, host.PortSpec{Proto: port.Proto, Addr: port.Addr, Port: port.Port, Unit: port.Unit})
	}
	p.binds, err = p.host.ProbeListen(ctx, req)
	if err == nil && len(p.binds) != len(req.Ports) {
		return fmt.Errorf("probe: %d answers for %d ports", len(p.binds), len(req.Ports))
	}
	return err
}

// bindState judges a bind. A component may hold its own port.
func bindState(p preflight.Port, b host.Bind) preflight.BindState {
	switch {
	case b.OK:
		return preflight.Free
	case b.Busy:
		return preflight.Busy
	case b.Holder == nil && b.Raw:
		return preflight.Held
	case b.Holder == nil:
		return preflight.Failed
	case !mayHold(p, b):
		return preflight.Held
	case b.Holder.State == "T":
		return preflight.Stopped
	}
	return preflight.InUse
}

// mayHold reports whether the holder is the component that the port is for.
// The kernel holds the ports of vxlan and wireguard for flanneld.
func mayHold(p preflight.Port, b host.Bind) bool {
	if p.Unit == "" {
		return false
	}
	kernel := b.Holder.PID == 0 && b.Holder.Process == "" && b.Holder.Unit == ""
	return b.Holder.Unit == p.Unit || kernel && p.Kernel
}

func (p *peer) bindResults() []preflight.BindResult {
	var out []preflight.BindResult
	for i, port := range p.ports {
		b := preflight.BindResult{Host: p.name, Port: port, State: preflight.Unbound}
		if i < len(p.binds) && p.err == nil {
			b.State, b.Err, b.Holder = bindState(port, p.binds[i]), p.binds[i].Err, p.binds[i].Holder
		}
		out = append(out, b)
	}
	return out
}

func bindFindings(binds []preflight.BindResult) []preflight.Finding {
	var out []preflight.Finding
	busy := map[string]bool{}
	for _, b := range binds {
		want := "free"
		if b.Unit != "" {
			want = "free, or held by " + b.Unit
		}
		switch b.State {
		case preflight.Held:
			out = append(out, preflight.NewFinding(preflight.PortHeld, b.Host, b.String(), want))
		case preflight.Stopped:
			out = append(out, preflight.NewFinding(preflight.HolderStopped, b.Host, b.String(), ""))
		case preflight.Failed:
			out = append(out, preflight.NewFinding(preflight.CannotBind, b.Host, b.String(), want))
		case preflight.Busy:
			if !busy[b.Host] {
				busy[b.Host] = true
				out = append(out, preflight.NewFinding(preflight.ProbeBusy, b.Host, "another run of pmkctl probes "+b.Host+" at this moment", ""))
			}
		}
	}
	return out
}
