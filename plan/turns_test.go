package plan_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/plantest"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

var (
	goodKubelet = map[string]any{"maxPods": int64(50)}
	badKubelet  = map[string]any{"runtimeRequestTimeout": "1ms"} // it runs, and its Node is not Ready
)

// rolling is a world whose hosts take turns.
type rolling struct{ *plantest.World }

// cluster returns the cluster of all hosts of the world.
func (w rolling) cluster() *hosttest.Cluster { return w.Memory["cp-1"].Cluster() }

// live makes a cluster whose kubelets take as long to report as real ones.
func live(t *testing.T, workersOf, most int) rolling {
	w := rolling{plantest.Workers(t, workersOf, fmt.Sprintf("max_unavailable = %d", most))}
	w.Apply(t)
	w.cluster().Report(hosttest.RealKubelets)
	return w
}

// walk plans and applies. It does not check the result.
func (w rolling) walk(t *testing.T, opts executor.Options, sink event.Sink) *executor.Result {
	t.Helper()
	return w.selected(t, plan.Selection{}, opts, sink)
}

// selected is walk with flags.
func (w rolling) selected(t *testing.T, s plan.Selection, opts executor.Options, sink event.Sink) *executor.Result {
	t.Helper()
	c, records := w.Compile(t)
	choice, err := c.Graph.Select(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Graph.Replace(choice.Replaces); err != nil {
		t.Fatal(err)
	}
	opts.Keepers = w.Keepers(records)
	checked := w.Check(t, c.Graph)
	checked.Narrow(choice.Excluded(func(a address.Addr) bool { return len(checked.Diffs[a]) > 0 }))
	return executor.Apply(context.Background(), checked, w.Reached(), opts, sink)
}

// having returns the hosts, in the order of the spec, whose kubelet has a setting.
func (w rolling) having(setting string) []string {
	var names []string
	for _, h := range w.Hosts {
		if strings.Contains(string(w.Memory[h.Name].Peek("/var/lib/kubelet/config.yaml")), setting) {
			names = append(names, h.Name)
		}
	}
	return names
}

// TestBadSettingStopsTheRoll: a kubelet setting under which Nodes are not
// Ready reaches max_unavailable hosts, and the result says why the others
// were not begun. When the plan was made, no Node differed.
func TestBadSettingStopsTheRoll(t *testing.T) {
	for _, most := range []int{1, 2} {
		t.Run(fmt.Sprintf("max_unavailable %d", most), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := live(t, 3, most)
				w.Settings.Kubelet.Config = badKubelet
				down := w.cluster().WatchNodes()
				r := w.walk(t, executor.Options{}, plantest.Quiet)
				want := []string{"cp-1", "worker-1", "worker-2", "worker-3"}[:most]
				if got := w.having("runtimeRequestTimeout"); !slices.Equal(got, want) || down() != most {
					t.Errorf("the setting reached %v, want %v; %d Nodes were down at once", got, want, down())
				}
				for i, e := range r.Failed {
					if e.Step != address.Of("node", want[i]) || e.Op != executor.OpConfirm || !strings.Contains(e.Error(), "container runtime is down") {
						t.Errorf("failed: %v", e)
					}
				}
				if len(r.Failed) != most || len(r.Skipped) != 4-most {
					t.Errorf("%d failed, skipped %v", len(r.Failed), r.Skipped)
				}
				for _, s := range r.Skipped {
					if s.Addr.Module != "kubelet" || s.Cause.Module != "node" {
						t.Errorf("%s is skipped because of %s", s.Addr, s.Cause)
					}
				}
			})
		})
	}
}

// TestNeverMoreThanMaxUnavailable, whatever the order of the hosts, which of
// them change and which of these become NotReady.
func TestNeverMoreThanMaxUnavailable(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 0))
				most := 1 + random.IntN(3)
				w := live(t, 5, most)
				others := w.Hosts[1:]
				random.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
				for _, h := range w.Hosts {
					h.Kubelet.Config = []map[string]any{badKubelet, badKubelet, goodKubelet, nil}[random.IntN(4)]
				}
				down := w.cluster().WatchNodes()
				r := w.walk(t, executor.Options{Parallelism: 1 + random.IntN(8)}, plantest.Quiet)
				if down() > most {
					t.Errorf("%d Nodes were down at once, max_unavailable is %d; bad on %v", down(), most, w.having("runtimeRequestTimeout"))
				}
				if len(r.Done) == 0 {
					t.Error("nothing was done")
				}
			})
		})
	}
}

// TestFlagsKeepTurns: the promise holds for kubelets that are restarted
// because of -replace, and where -target excludes the Nodes.
func TestFlagsKeepTurns(t *testing.T) {
	for _, s := range []plan.Selection{{Replace: []string{"kubelet"}}, {Replace: []string{"kubelet"}, Target: []string{"kubelet"}}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := live(t, 3, 1)
				for _, h := range w.Memory {
					h.OnStart("kubelet.service", func(h *hosttest.Host) error {
						if err := h.Unit(context.Background(), "flanneld.service", host.Stop); err != nil {
							return err
						}
						return h.Remove(context.Background(), "/etc/cni/net.d/10-flannel.conflist")
					})
				}
				down := w.cluster().WatchNodes()
				r := w.selected(t, s, executor.Options{}, plantest.Quiet)
				if down() != 1 || len(r.Done) != 1 || len(r.Failed) != 1 || r.Failed[0].Step != address.MustParse("node.cp-1") {
					t.Errorf("%d Nodes were down at once; done %v, failed %v", down(), r.Done, r.Failed)
				}
			})
		})
	}
}

// TestGoodSettingReachesAll: the roll goes on although kubelets report as late as
// real ones.
func TestGoodSettingReachesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := live(t, 3, 1)
		w.Settings.Kubelet.Config = goodKubelet
		down := w.cluster().WatchNodes()
		r := w.walk(t, executor.Options{}, plantest.Quiet)
		if !r.Complete() || len(w.having("maxPods: 50")) != 4 || down() != 1 {
			t.Errorf("it reached %v, %d Nodes were down at once; failed %v", w.having("maxPods: 50"), down(), r.Failed)
		}
	})
}

// TestRollGoesOnAfterACut: a run is stopped right after the first kubelet was
// restarted, while the Node still shows the report from before. The next run must
// not accept that one.
func TestRollGoesOnAfterACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := live(t, 3, 1)
		w.Settings.Kubelet.Config = badKubelet
		stop := make(chan struct{})
		r := w.walk(t, executor.Options{Stop: stop}, func(e event.Event) {
			if done, ok := e.(event.StepDone); ok && done.Addr == address.MustParse("kubelet.cp-1") {
				close(stop)
			}
		})
		if len(r.Failed) > 0 || len(r.Done) != 1 {
			t.Fatalf("done %v, failed %v", r.Done, r.Failed)
		}
		w.walk(t, executor.Options{}, plantest.Quiet)
		if got := w.having("runtimeRequestTimeout"); len(got) != 1 {
			t.Errorf("the setting reached %v", got)
		}
	})
}

// TestLabelsTakeNoTurns: hosts do not wait for a change that does not touch pods.
func TestLabelsTakeNoTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := live(t, 3, 1)
		for _, h := range w.Hosts {
			h.Labels = map[string]string{"zone": "a"}
		}
		began := time.Now()
		if r := w.walk(t, executor.Options{}, plantest.Quiet); !r.Complete() || time.Since(began) > time.Second {
			t.Errorf("it took %v, failed %v", time.Since(began), r.Failed)
		}
	})
}

// TestEtcdFollowsHealthyMembers: a member that does not come up is the last
// one that is restarted, also if it was so before the run.
func TestEtcdFollowsHealthyMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := rolling{plantest.Workers(t, 2, "")}
		for _, h := range w.Hosts {
			h.Roles = []spec.Role{spec.Etcd, spec.Worker}
		}
		w.Hosts[0].Roles = append(w.Hosts[0].Roles, spec.ControlPlane)
		w.Apply(t)
		w.Settings.Etcd.Config = map[string]any{"quota-backend-bytes": int64(1 << 30)}
		sick := func(method, item string) error {
			if method == "Get" && strings.HasSuffix(item, "2381/health") {
				return host.ErrUnavailable
			}
			return nil
		}
		w.Memory["cp-1"].FailOn(sick)
		for _, run := range []string{"first", "second"} {
			r := w.walk(t, executor.Options{}, plantest.Quiet)
			if len(r.Failed) != 1 || r.Failed[0].Step != address.MustParse("etcd.cp-1") {
				t.Errorf("%s run: failed %v", run, r.Failed)
			}
			for _, name := range []string{"worker-1", "worker-2"} {
				if strings.Contains(string(w.Memory[name].Peek("/etc/etcd/etcd.yaml")), "quota-backend-bytes") {
					t.Errorf("%s run: the member on %s was restarted", run, name)
				}
			}
		}
	})
}

// TestSavedPlanStopsAndGoesOn: the confirmation is no change, so a saved plan has
// none. A Node that is not Ready because of the plan's own restart does not make
// the plan stale, whether the Node shows it already or not.
func TestSavedPlanStopsAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		w := live(t, 3, 1)
		w.Settings.Kubelet.Config = badKubelet
		c, records := w.Compile(t)
		first := w.Check(t, c.Graph)
		p := &saved.Plan{Steps: first.Steps()}
		apply := func(c *executor.Checked, records map[string]*state.Record) *executor.Result {
			keepers := map[string]*state.Keeper{}
			for name, h := range w.Reached() {
				keepers[name] = state.NewKeeper(h, "run", records[name])
				keepers[name].Plan = "plan"
			}
			return executor.Apply(ctx, c, w.Reached(), executor.Options{Keepers: keepers, Reviewed: executor.Saved(p).Diffs}, plantest.Quiet)
		}
		if len(first.Diffs[address.MustParse("node.cp-1")]) > 0 {
			t.Errorf("the plan has %v", first.Diffs[address.MustParse("node.cp-1")])
		}
		r := apply(first, records)
		for range 2 {
			if len(r.Failed) != 1 || r.Failed[0].Step != address.MustParse("node.cp-1") || len(w.having("runtimeRequestTimeout")) != 1 {
				t.Fatalf("the setting reached %v, failed %v", w.having("runtimeRequestTimeout"), r.Failed)
			}
			did := map[string]state.Progress{}
			for name, h := range w.Reached() {
				var err error
				if did[name], err = state.LoadProgress(ctx, h, "plan"); err != nil {
					t.Fatal(err)
				}
			}
			again, records := w.Compile(t)
			now := w.Check(t, again.Graph)
			if moves := now.Since(p, did); len(moves) > 0 {
				t.Fatalf("the plan is stale: %+v", moves)
			}
			r = apply(now, records)
		}
	})
}
