//go:build e2e

package e2e

import (
	"path/filepath"
	"testing"

	"github.com/pmkctl/pmkctl/lab"
)

// savedPlan saves the plan that repairs an edited file. While the file is
// edited differently, the plan is refused and nothing is written. Then it is
// applied, once.
func savedPlan(t *testing.T, l *lab.Lab) {
	const config = "/var/lib/kubelet/config.yaml"
	worker1 := hostOf(t, l, "worker-1")
	dir := t.TempDir()
	file := filepath.Join(dir, "review.plan")
	on(t, worker1, "sed", "-i", "-e", "$amaxPods: 77", config)
	pmkctl(t, "plan", "-out="+file, labSpec()).want(t, 0).holds(t, "- maxPods: 77", "1 to change", "Saved to")
	pmkctl(t, "show", file).want(t, 0).holds(t, "- maxPods: 77")
	pmkctl(t, "show", "-markdown", file).want(t, 0).holds(t, "maxPods", "worker-1")
	pmkctl(t, "show", "-html="+filepath.Join(dir, "review.html"), file).want(t, 0)

	on(t, worker1, "sed", "-i", "-e", "$aenableServer: true", config)
	unchanged(t, l, func() {
		pmkctl(t, "apply", file).want(t, 7).holds(t, "kubelet.worker-1")
	})
	on(t, worker1, "sed", "-i", "-e", "$d", config)

	pmkctl(t, "apply", file).want(t, 0)
	noChanges(t, labSpec())
	unchanged(t, l, func() { pmkctl(t, "apply", file).want(t, 7).holds(t, "done") })
}
