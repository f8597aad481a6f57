package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/handler"

	"github.com/pmkctl/pmkctl/host"
)

// probeWait is how long a probe round waits for another run's round on this
// host.
const probeWait = 10 * time.Second

// methods returns the handlers of all methods.
func (s *server) methods() handler.Map {
	h := s.h
	return handler.Map{
		"Beat":       control(func(context.Context, none) (none, error) { return none{}, nil }),
		"Cancel":     control(cancel),
		"Bye":        control(s.bye),
		"Lock":       read(s, func(ctx context.Context, a host.LockRequest) (none, error) { return none{}, s.lock.take(ctx, a) }),
		"LockHolder": read(s, func(context.Context, none) (*host.LockRequest, error) { return s.lock.holder() }),
		"Arm":        read(s, s.arm),

		"Facts":   read(s, func(ctx context.Context, _ none) (host.Facts, error) { return h.Facts(ctx) }),
		"Files":   read(s, func(ctx context.Context, a filesArgs) ([]host.File, error) { return h.Files(ctx, a.Queries) }),
		"Units":   read(s, func(ctx context.Context, a nameArgs) ([]host.Unit, error) { return h.Units(ctx, a.Names) }),
		"Journal": read(s, func(ctx context.Context, a journalArgs) ([]string, error) { return h.Journal(ctx, a.Unit, a.N) }),
		"Sysctls": read(s, func(ctx context.Context, a nameArgs) (map[string]string, error) { return h.Sysctls(ctx, a.Names) }),
		"KernelFeatures": read(s, func(ctx context.Context, a nameArgs) ([]host.KernelFeature, error) {
			return h.KernelFeatures(ctx, a.Names)
		}),
		"Network":     read(s, func(ctx context.Context, _ none) (host.Network, error) { return h.Network(ctx) }),
		"Users":       read(s, func(ctx context.Context, a nameArgs) ([]host.User, error) { return h.Users(ctx, a.Names) }),
		"Programs":    read(s, func(ctx context.Context, a nameArgs) ([]host.Program, error) { return h.Programs(ctx, a.Names) }),
		"Sockets":     read(s, func(ctx context.Context, _ none) ([]host.Socket, error) { return h.Sockets(ctx) }),
		"Keys":        read(s, func(ctx context.Context, a nameArgs) ([]host.Key, error) { return h.Keys(ctx, a.Names) }),
		"Images":      read(s, func(ctx context.Context, _ none) ([]string, error) { return h.Images(ctx) }),
		"Kube":        read(s, s.kube),
		"Get":         read(s, h.Get),
		"EtcdMembers": read(s, h.EtcdMembers),
		"FsyncLatency": read(s, func(ctx context.Context, a fsyncArgs) ([]time.Duration, error) {
			return h.FsyncLatency(ctx, a.Dir, a.N)
		}),
		"Firewall":   read(s, func(ctx context.Context, _ none) ([]host.Chain, error) { return h.Firewall(ctx) }),
		"Provenance": read(s, func(ctx context.Context, a nameArgs) ([]host.Provenance, error) { return h.Provenance(ctx, a.Names) }),
		"Lookup":     read(s, func(ctx context.Context, a nameArgs) ([]host.Resolved, error) { return h.Lookup(ctx, a.Names) }),

		"Mounts":  read(s, func(ctx context.Context, _ none) ([]host.Mount, error) { return h.Mounts(ctx) }),
		"Pods":    read(s, func(ctx context.Context, _ none) ([]host.PodProcess, error) { return h.Pods(ctx) }),
		"Trees":   read(s, func(ctx context.Context, a nameArgs) ([]host.Tree, error) { return h.Trees(ctx, a.Names) }),
		"Filters": read(s, h.Filters),

		"ProbeListen": read(s, s.probeListen),
		"ProbeDial":   read(s, h.ProbeDial),
		"ProbeSeen":   read(s, h.ProbeSeen),
		"ProbeEnd":    read(s, s.probeEnd),

		"WriteFile": write(s, func(ctx context.Context, a host.FileSpec) (none, error) { return none{}, h.WriteFile(ctx, a) }),
		"Append":    write(s, func(ctx context.Context, a appendArgs) (none, error) { return none{}, h.Append(ctx, a.Path, a.Data) }),
		"MakeDir":   write(s, func(ctx context.Context, a host.DirSpec) (none, error) { return none{}, h.MakeDir(ctx, a) }),
		"Symlink": write(s, func(ctx context.Context, a symlinkArgs) (none, error) {
			return none{}, h.Symlink(ctx, a.Path, a.Target)
		}),
		"Remove":       write(s, func(ctx context.Context, a pathArgs) (none, error) { return none{}, h.Remove(ctx, a.Path) }),
		"RemoveTree":   write(s, func(ctx context.Context, a host.TreeSpec) (none, error) { return none{}, h.RemoveTree(ctx, a) }),
		"Unmount":      write(s, func(ctx context.Context, a pathArgs) (none, error) { return none{}, h.Unmount(ctx, a.Path) }),
		"KillPods":     write(s, func(ctx context.Context, a graceArgs) (none, error) { return none{}, h.KillPods(ctx, a.Grace) }),
		"DeleteLink":   write(s, func(ctx context.Context, a pathArgs) (none, error) { return none{}, h.DeleteLink(ctx, a.Path) }),
		"DeleteRoute":  write(s, func(ctx context.Context, a host.NetRoute) (none, error) { return none{}, h.DeleteRoute(ctx, a) }),
		"ClearFilters": write(s, func(ctx context.Context, a host.FilterQuery) (none, error) { return none{}, h.ClearFilters(ctx, a) }),
		"Incoming":     write(s, s.store.announce),
		"Chunk":        write(s, s.store.chunk),
		"Place":        write(s, func(ctx context.Context, a host.InstallSpec) (none, error) { return none{}, s.store.place(ctx, h, a) }),
		"Unit":         write(s, func(ctx context.Context, a unitArgs) (none, error) { return none{}, h.Unit(ctx, a.Name, a.Do) }),
		"SetSysctl": write(s, func(ctx context.Context, a sysctlArgs) (none, error) {
			return none{}, h.SetSysctl(ctx, a.Name, a.Value)
		}),
		"LoadModule": write(s, func(ctx context.Context, a pathArgs) (none, error) { return none{}, h.LoadModule(ctx, a.Path) }),
		"EnsureKey":  write(s, h.EnsureKey),
		"Request": write(s, func(ctx context.Context, a requestArgs) ([]byte, error) {
			return h.Request(ctx, a.KeyPath, a.CommonName)
		}),
		"Sign":        write(s, h.Sign),
		"EtcdRemove":  write(s, func(ctx context.Context, a etcdArgs) (none, error) { return none{}, h.EtcdRemove(ctx, a.Request, a.ID) }),
		"ImportImage": write(s, func(ctx context.Context, a pathArgs) (none, error) { return none{}, h.ImportImage(ctx, a.Path) }),
		"Run":         write(s, func(ctx context.Context, a runArgs) ([]byte, error) { return h.Run(ctx, a.Argv, a.Stdin) }),
	}
}

// errEnding is the answer to a call that comes while the agent ends.
var errEnding = errors.New("the agent leaves")

// control handles a call that must get through when all slots are taken.
func control[A, R any](f func(context.Context, A) (R, error)) jrpc2.Handler {
	return func(ctx context.Context, req *jrpc2.Request) (any, error) {
		var a A
		if err := req.UnmarshalParams(&a); err != nil {
			return nil, err
		}
		r, err := f(ctx, a)
		if err != nil {
			return nil, toWire(err)
		}
		return r, nil
	}
}

// read handles a call that changes nothing. It is cut off when the session
// ends.
func read[A, R any](s *server, f func(context.Context, A) (R, error)) jrpc2.Handler {
	return control(func(ctx context.Context, a A) (r R, err error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.reads, cancel)()
		if err := s.slot(ctx); err != nil {
			return r, err
		}
		defer func() { <-s.working }()
		return f(ctx, a)
	})
}

// write handles a call that changes the host; it is refused until the agent
// is armed. The end of the connection does not cut it off. A cancellation by
// the caller and the end of the agent do.
func write[A, R any](s *server, f func(context.Context, A) (R, error)) jrpc2.Handler {
	return control(func(ctx context.Context, a A) (r R, err error) {
		if !s.armed.Load() {
			return r, host.ErrReadOnly
		}
		if err := s.begin(); err != nil {
			return r, err
		}
		defer s.changes.Done()
		call, cancel := context.WithCancel(s.writes)
		defer cancel()
		defer context.AfterFunc(ctx, func() {
			select {
			case <-s.ended: // jrpc2 ends all calls with the connection
			default:
				cancel()
			}
		})()
		if err := s.slot(call); err != nil {
			return r, err
		}
		defer func() { <-s.working }()
		return f(call, a)
	})
}

// begin counts a change, unless the agent is ending.
func (s *server) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return errEnding
	}
	s.changes.Add(1)
	return nil
}

// slot waits for one of the maxWorking slots.
func (s *server) slot(ctx context.Context) error {
	select {
	case s.working <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cancel ends the context of another call.
func cancel(ctx context.Context, a cancelArgs) (none, error) {
	jrpc2.ServerFromContext(ctx).CancelRequest(a.ID)
	return none{}, nil
}

// arm is the one way from read-only to writing.
func (s *server) arm(_ context.Context, a armArgs) (none, error) {
	switch {
	case s.o.ReadOnly:
		return none{}, host.ErrReadOnly
	case a.Plan == "":
		return none{}, errors.New("arm: no plan was named")
	case !s.lock.held():
		return none{}, errors.New("arm: the host's lock is not held")
	}
	s.armed.Store(true)
	return none{}, nil
}

// bye releases locks and ports. Changes that run keep the lock until they are
// done.
func (s *server) bye(context.Context, none) (none, error) {
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
	s.armed.Store(false)
	s.changes.Wait()
	s.release()
	return none{}, nil
}

func (s *server) kube(ctx context.Context, r host.KubeRequest) (host.KubeResponse, error) {
	if strings.EqualFold(r.Method, "GET") || s.armed.Load() {
		return s.h.Kube(ctx, r)
	}
	return host.KubeResponse{}, host.ErrReadOnly
}

// probeListen begins a round and takes the probe lock for it.
func (s *server) probeListen(ctx context.Context, r host.ListenRequest) ([]host.Bind, error) {
	if err := s.probing.take(ctx, host.LockRequest{Run: r.ID, Who: "another run", For: "preflight", Wait: probeWait}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.rounds[r.ID] = true
	s.mu.Unlock()
	return s.h.ProbeListen(ctx, r)
}

// probeEnd ends a round. The end of the last one releases the lock.
func (s *server) probeEnd(ctx context.Context, a pathArgs) ([]host.Arrival, error) {
	got, err := s.h.ProbeEnd(ctx, a.Path)
	if err != nil {
		err = fmt.Errorf("end probes: %w", err)
	}
	s.mu.Lock()
	delete(s.rounds, a.Path)
	last := len(s.rounds) == 0
	s.mu.Unlock()
	if last {
		s.probing.release()
	}
	return got, err
}
