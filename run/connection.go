package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/view/terminal"
)

// A connection holds the sessions with the hosts of a run.
type connection struct {
	sessions map[string]host.Session
	failed   map[string]error // hosts that could not be reached
	readOnly bool             // agents cannot change their hosts
	console  *terminal.Console
	log      *callLog
}

// connect reaches all hosts at once. A host that cannot be reached is in the
// result and is no error, because the others can still be judged. The caller
// closes the connection.
func (o Options) connect(ctx context.Context, hosts []*spec.Host, readOnly bool) (*connection, error) {
	log, err := o.openLog()
	if err != nil {
		return nil, err
	}
	c := &connection{sessions: map[string]host.Session{}, failed: map[string]error{}, readOnly: readOnly, console: o.Console, log: log}
	c.console.Begin()
	c.reach(ctx, hosts)
	return c, nil
}

// reach connects to more hosts, all at once.
func (c *connection) reach(ctx context.Context, hosts []*spec.Host) {
	c.console.Event(event.Phase{Name: "connect", Total: len(hosts)})
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, h := range hosts {
		wg.Go(func() {
			began := time.Now()
			s, err := sshhost.Dial(ctx, target(h.Name, h.SSH), sshhost.Options{ReadOnly: c.readOnly, Trace: c.log.trace(h.Name)})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				c.failed[h.Name] = err
				c.console.Event(event.HostFailed{Host: h.Name, Err: err})
				return
			}
			c.sessions[h.Name] = s
			c.console.Event(event.HostReady{Host: h.Name, Took: time.Since(began)})
		})
	}
	wg.Wait()
}

// drop ends the session with one host. It does nothing if there is none.
func (c *connection) drop(name string) {
	if s := c.sessions[name]; s != nil {
		_ = s.Close() // the agent ends with its connection in any case
		delete(c.sessions, name)
	}
}

// close ends all sessions at once.
func (c *connection) close() {
	c.console.End()
	var wg sync.WaitGroup
	for _, s := range c.sessions {
		wg.Go(func() { _ = s.Close() }) // the agent ends with its connection in any case
	}
	wg.Wait()
	c.log.close()
}

// each calls do for all connected hosts at once and joins the errors, in a
// fixed order.
func (c *connection) each(do func(name string, s host.Session) error) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var errs []error
	for name, s := range c.sessions {
		wg.Go(func() {
			if err := do(name, s); err != nil {
				mu.Lock()
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func (c *connection) hosts() executor.Hosts {
	hosts := executor.Hosts{}
	for name, s := range c.sessions {
		hosts[name] = s
	}
	return hosts
}

func (c *connection) identities() map[string]host.Identity {
	ids := map[string]host.Identity{}
	for name, s := range c.sessions {
		ids[name] = s.Identity()
	}
	return ids
}

// unreachable returns the error that names those of the hosts that could not be
// reached; nil if all could. The error advises to exclude the first of them
// that canSpare allows.
func (c *connection) unreachable(hosts []*spec.Host, canSpare func(*spec.Host) bool) error {
	if len(c.failed) == 0 {
		return nil
	}
	var names, lines []string
	advice := ""
	for _, h := range hosts {
		err := c.failed[h.Name]
		if err == nil {
			continue
		}
		names, lines = append(names, h.Name), append(lines, "  "+err.Error())
		if advice == "" && canSpare(h) {
			advice = "\nTo go on without a host: -exclude=" + h.Name
		}
	}
	return &Error{Unreachable, fmt.Errorf("connect to %s:\n%s%s", strings.Join(names, ", "), strings.Join(lines, "\n"), advice)}
}

// none is the canSpare of a run that needs all its hosts.
func none(*spec.Host) bool { return false }

func target(name string, s spec.SSH) sshhost.Target {
	t := sshhost.Target{Name: name, Address: s.Address, Port: s.Port, User: s.User, IdentityFile: s.IdentityFile,
		Agent: s.Agent, HostKey: s.HostKey, Become: s.Become, BecomePassword: s.BecomePassword}
	if s.KnownHosts != "" {
		t.KnownHosts = []string{s.KnownHosts}
	}
	if s.Bastion != nil {
		bastion := target("bastion of "+name, *s.Bastion)
		t.Bastion = &bastion
	}
	return t
}
