package hostcheck

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/state"
)

// Where things are on a host.
const (
	kubeletUnit = "kubelet.service"
	runtimeUnit = "containerd.service"
	etcdUnit    = "etcd.service"
	unitDir     = "/etc/systemd/system/"
	manifests   = "/etc/kubernetes/manifests"
)

// seen is what was read from a host.
type seen struct {
	facts    host.Facts
	files    map[string]host.File
	units    map[string]host.Unit
	unitsErr error
	features []host.KernelFeature
	programs []host.Program
	network  host.Network
	chains   []host.Chain
	endpoint host.Resolved
	syncs    []time.Duration // of etcd's disk, if no etcd uses it yet
	metrics  []byte          // of a running etcd
	record   *state.Record
	broken   error // of the record
}

// read reads everything at once. Only etcd's disk is read later, when it is
// known whether an etcd uses it.
func (p Probe) read(ctx context.Context, h host.Reader) (*seen, error) {
	s := &seen{files: map[string]host.File{}, units: map[string]host.Unit{}}
	g, ctx := errgroup.WithContext(ctx)
	filesRead, unitsRead := make(chan struct{}), make(chan struct{})
	g.Go(func() (err error) { s.facts, err = h.Facts(ctx); return err })
	g.Go(func() (err error) { s.features, err = h.KernelFeatures(ctx, p.Features); return err })
	g.Go(func() (err error) { s.programs, err = h.Programs(ctx, append(p.programs(), loader)); return err })
	g.Go(func() (err error) { s.network, err = h.Network(ctx); return err })
	g.Go(func() (err error) { s.chains, err = h.Firewall(ctx); return optional(err) })
	g.Go(func() error {
		defer close(filesRead)
		files, err := h.Files(ctx, p.queries())
		for _, f := range files {
			s.files[f.Path] = f
		}
		return err
	})
	g.Go(func() error {
		defer close(unitsRead)
		units, err := h.Units(ctx, slices.Concat(otherUnits, foreignUnits))
		for _, u := range units {
			s.units[u.Name] = u
		}
		s.unitsErr = err
		return optional(err)
	})
	if p.Endpoint != "" {
		g.Go(func() error {
			r, err := h.Lookup(ctx, []string{p.Endpoint})
			if len(r) > 0 {
				s.endpoint = r[0]
			}
			return err
		})
	}
	if p.EtcdData != "" {
		g.Go(func() error {
			<-filesRead
			<-unitsRead
			return p.readDisk(ctx, h, s)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if s.unitsErr != nil && s.facts.Systemd != "" {
		return nil, s.unitsErr // a host without systemd gets a finding instead
	}
	if f := s.files[state.RecordPath]; f.Type == host.Regular {
		s.record = &state.Record{}
		s.broken = json.Unmarshal(f.Content, s.record)
	}
	return s, nil
}

// optional drops an error that means that the host cannot know.
func optional(err error) error {
	if errors.Is(err, host.ErrUnavailable) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// queries returns the files to read.
func (p Probe) queries() []host.FileQuery {
	q := []host.FileQuery{{Path: manifests, List: true}, {Path: cniDir, List: true}, {Path: tunPath}, {Path: p.resolvConf()}}
	if p.EtcdData != "" {
		q = append(q, host.FileQuery{Path: memberDir(p.EtcdData)})
	}
	for _, f := range []string{state.RecordPath, unitDir + kubeletUnit, unitDir + runtimeUnit, subnetEnv, netConf, ufwConf} {
		q = append(q, host.FileQuery{Path: f, Content: true})
	}
	for _, f := range foreignFiles {
		q = append(q, host.FileQuery{Path: f})
	}
	return q
}
