package plan_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/plan"
)

// TestRemovalDocs: the docs name all that is removed of what components make
// by themselves, and nothing else.
func TestRemovalDocs(t *testing.T) {
	b, err := os.ReadFile("../docs/removal.md")
	if err != nil {
		t.Fatal(err)
	}
	all := plan.Footprints()
	var rows []string
	for _, p := range all.Places() {
		at := p.Path
		if p.Prefix != "" {
			at += "/" + p.Prefix + "*"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", at, p.Who, p.What))
	}
	for _, f := range all {
		for _, s := range f.Sysctls {
			rows = append(rows, fmt.Sprintf("| `%s` | %s |", s.Name, strings.TrimSuffix(f.Unit, ".service")))
		}
	}
	for _, row := range rows {
		if !strings.Contains(string(b), row+"\n") {
			t.Errorf("docs/removal.md lacks %s", row)
		}
	}
	if n := strings.Count(string(b), "\n| `"); n != len(rows) {
		t.Errorf("docs/removal.md has %d rows, want %d", n, len(rows))
	}
	filters := all.Filters()
	for _, name := range append(append(all.Links(), filters.Chains...), filters.Tables...) {
		if !strings.Contains(string(b), "`"+name+"`") {
			t.Errorf("docs/removal.md lacks %s", name)
		}
	}
}

// TestStopOrder: services stop in this order on a departing host.
func TestStopOrder(t *testing.T) {
	want := []string{"kubelet.service", "kube-proxy.service", "flanneld.service", "kube-controller-manager.service",
		"kube-scheduler.service", "kube-apiserver.service", "etcd.service", "containerd.service"}
	all := plan.Footprints()
	for _, f := range all {
		if f.Stops != 0 && !slices.Contains(want, f.Unit) {
			t.Errorf("%s has an order, and is not in the list of this test", f.Unit)
		}
	}
	for i, unit := range want {
		if all.Stops(unit) == 0 {
			t.Errorf("%s has no order", unit)
		}
		if i > 0 && all.Stops(want[i-1]) > all.Stops(unit) {
			t.Errorf("%s stops after %s", want[i-1], unit)
		}
	}
}
