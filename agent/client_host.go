package agent

import (
	"context"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// Facts returns the facts of the hello; Now has advanced by the time since.
func (s *session) Facts(ctx context.Context) (host.Facts, error) {
	if err := ctx.Err(); err != nil {
		return host.Facts{}, err
	}
	select {
	case <-s.lost:
		return host.Facts{}, s.lostError()
	default:
	}
	f := s.hello.Facts
	f.Now = f.Now.Add(time.Since(s.since))
	return f, nil
}

func (s *session) Files(ctx context.Context, queries []host.FileQuery) ([]host.File, error) {
	return call[[]host.File](ctx, s, "Files", filesArgs{queries})
}

func (s *session) Units(ctx context.Context, names []string) ([]host.Unit, error) {
	return call[[]host.Unit](ctx, s, "Units", nameArgs{names})
}

func (s *session) Journal(ctx context.Context, unit string, n int) ([]string, error) {
	return call[[]string](ctx, s, "Journal", journalArgs{unit, n})
}

func (s *session) Sysctls(ctx context.Context, names []string) (map[string]string, error) {
	return call[map[string]string](ctx, s, "Sysctls", nameArgs{names})
}

func (s *session) KernelFeatures(ctx context.Context, names []string) ([]host.KernelFeature, error) {
	return call[[]host.KernelFeature](ctx, s, "KernelFeatures", nameArgs{names})
}

func (s *session) Network(ctx context.Context) (host.Network, error) {
	return call[host.Network](ctx, s, "Network", none{})
}

func (s *session) Users(ctx context.Context, names []string) ([]host.User, error) {
	return call[[]host.User](ctx, s, "Users", nameArgs{names})
}

func (s *session) Programs(ctx context.Context, names []string) ([]host.Program, error) {
	return call[[]host.Program](ctx, s, "Programs", nameArgs{names})
}

func (s *session) Sockets(ctx context.Context) ([]host.Socket, error) {
	return call[[]host.Socket](ctx, s, "Sockets", none{})
}

func (s *session) Keys(ctx context.Context, paths []string) ([]host.Key, error) {
	return call[[]host.Key](ctx, s, "Keys", nameArgs{paths})
}

func (s *session) Images(ctx context.Context) ([]string, error) {
	return call[[]string](ctx, s, "Images", none{})
}

func (s *session) Kube(ctx context.Context, r host.KubeRequest) (host.KubeResponse, error) {
	return call[host.KubeResponse](ctx, s, "Kube", r)
}

func (s *session) Get(ctx context.Context, r host.GetRequest) (host.KubeResponse, error) {
	return call[host.KubeResponse](ctx, s, "Get", r)
}

func (s *session) FsyncLatency(ctx context.Context, dir string, n int) ([]time.Duration, error) {
	return call[[]time.Duration](ctx, s, "FsyncLatency", fsyncArgs{dir, n})
}

func (s *session) Firewall(ctx context.Context) ([]host.Chain, error) {
	return call[[]host.Chain](ctx, s, "Firewall", none{})
}

func (s *session) Provenance(ctx context.Context, items []string) ([]host.Provenance, error) {
	return call[[]host.Provenance](ctx, s, "Provenance", nameArgs{items})
}

func (s *session) Lookup(ctx context.Context, names []string) ([]host.Resolved, error) {
	return call[[]host.Resolved](ctx, s, "Lookup", nameArgs{names})
}

func (s *session) Mounts(ctx context.Context) ([]host.Mount, error) {
	return call[[]host.Mount](ctx, s, "Mounts", none{})
}

func (s *session) Pods(ctx context.Context) ([]host.PodProcess, error) {
	return call[[]host.PodProcess](ctx, s, "Pods", none{})
}

func (s *session) Trees(ctx context.Context, paths []string) ([]host.Tree, error) {
	return call[[]host.Tree](ctx, s, "Trees", nameArgs{paths})
}

func (s *session) Filters(ctx context.Context, q host.FilterQuery) ([]host.Filter, error) {
	return call[[]host.Filter](ctx, s, "Filters", q)
}

func (s *session) WriteFile(ctx context.Context, f host.FileSpec) error {
	return s.do(ctx, "WriteFile", f)
}

func (s *session) Append(ctx context.Context, path string, data []byte) error {
	return s.do(ctx, "Append", appendArgs{path, data})
}

func (s *session) MakeDir(ctx context.Context, d host.DirSpec) error {
	return s.do(ctx, "MakeDir", d)
}

func (s *session) Symlink(ctx context.Context, path, target string) error {
	return s.do(ctx, "Symlink", symlinkArgs{path, target})
}

func (s *session) Remove(ctx context.Context, path string) error {
	return s.do(ctx, "Remove", pathArgs{path})
}

func (s *session) RemoveTree(ctx context.Context, t host.TreeSpec) error {
	return s.do(ctx, "RemoveTree", t)
}

func (s *session) Unmount(ctx context.Context, path string) error {
	return s.do(ctx, "Unmount", pathArgs{path})
}

func (s *session) KillPods(ctx context.Context, grace time.Duration) error {
	return s.do(ctx, "KillPods", graceArgs{grace})
}

func (s *session) DeleteLink(ctx context.Context, name string) error {
	return s.do(ctx, "DeleteLink", pathArgs{name})
}

func (s *session) DeleteRoute(ctx context.Context, r host.NetRoute) error {
	return s.do(ctx, "DeleteRoute", r)
}

func (s *session) ClearFilters(ctx context.Context, q host.FilterQuery) error {
	return s.do(ctx, "ClearFilters", q)
}

func (s *session) Unit(ctx context.Context, name string, do host.UnitAction) error {
	return s.do(ctx, "Unit", unitArgs{name, do})
}

func (s *session) SetSysctl(ctx context.Context, name, value string) error {
	return s.do(ctx, "SetSysctl", sysctlArgs{name, value})
}

func (s *session) LoadModule(ctx context.Context, name string) error {
	return s.do(ctx, "LoadModule", pathArgs{name})
}

func (s *session) EnsureKey(ctx context.Context, k host.KeySpec) (host.Key, error) {
	return call[host.Key](ctx, s, "EnsureKey", k)
}

func (s *session) Request(ctx context.Context, keyPath, commonName string) ([]byte, error) {
	return call[[]byte](ctx, s, "Request", requestArgs{keyPath, commonName})
}

func (s *session) Sign(ctx context.Context, r host.SignRequest) ([]byte, error) {
	return call[[]byte](ctx, s, "Sign", r)
}

func (s *session) ImportImage(ctx context.Context, path string) error {
	return s.do(ctx, "ImportImage", pathArgs{path})
}

func (s *session) Run(ctx context.Context, argv []string, stdin []byte) ([]byte, error) {
	return call[[]byte](ctx, s, "Run", runArgs{argv, stdin})
}

func (s *session) ProbeListen(ctx context.Context, r host.ListenRequest) ([]host.Bind, error) {
	s.mu.Lock()
	s.rounds[r.ID] = true
	s.mu.Unlock()
	return call[[]host.Bind](ctx, s, "ProbeListen", r)
}

func (s *session) ProbeDial(ctx context.Context, r host.DialRequest) ([]host.Dialled, error) {
	return call[[]host.Dialled](ctx, s, "ProbeDial", r)
}

func (s *session) ProbeSeen(ctx context.Context, r host.SeenRequest) ([]host.Arrival, error) {
	return call[[]host.Arrival](ctx, s, "ProbeSeen", r)
}

func (s *session) ProbeEnd(ctx context.Context, id string) ([]host.Arrival, error) {
	got, err := call[[]host.Arrival](ctx, s, "ProbeEnd", pathArgs{id})
	if err == nil {
		s.mu.Lock()
		delete(s.rounds, id)
		s.mu.Unlock()
	}
	return got, err
}

func (s *session) EtcdMembers(ctx context.Context, r host.EtcdRequest) ([]host.EtcdMember, error) {
	return call[[]host.EtcdMember](ctx, s, "EtcdMembers", r)
}

func (s *session) EtcdRemove(ctx context.Context, r host.EtcdRequest, id string) error {
	_, err := call[none](ctx, s, "EtcdRemove", etcdArgs{r, id})
	return err
}
