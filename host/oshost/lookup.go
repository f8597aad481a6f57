package oshost

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// lookupLimit is the time for all names together.
const lookupLimit = time.Second

// Lookup resolves names with Go's own resolver, as the components do.
func (h *Host) Lookup(ctx context.Context, names []string) ([]host.Resolved, error) {
	within, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	out := make([]host.Resolved, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { out[i] = lookup(within, name) })
	}
	wg.Wait()
	return out, ctx.Err()
}

func lookup(ctx context.Context, name string) host.Resolved {
	r := net.Resolver{PreferGo: true}
	out := host.Resolved{Name: name}
	addrs, err := r.LookupNetIP(ctx, "ip", name)
	for _, a := range addrs {
		out.Addrs = append(out.Addrs, a.Unmap().String())
	}
	slices.Sort(out.Addrs)
	if err != nil {
		out.Err = whyUnknown(err)
	}
	return out
}

// whyUnknown returns the cause of an error without the name and the server.
func whyUnknown(err error) string {
	var dns *net.DNSError
	switch {
	case !errors.As(err, &dns):
		return err.Error()
	case dns.IsNotFound:
		return "no such host"
	case dns.IsTimeout, strings.Contains(dns.Err, " udp "), strings.Contains(dns.Err, " tcp "): // such errors have no type, only text
		return "no name server answers"
	}
	return dns.Err
}
