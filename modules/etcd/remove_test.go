package etcd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/host"
)

// votersOf returns members by their names. A minus stands for an unhealthy member, a
// plus for one without a vote.
func votersOf(names string) []host.EtcdMember {
	var list []host.EtcdMember
	for _, n := range strings.Fields(names) {
		m := host.EtcdMember{Name: strings.TrimLeft(n, "-+"), Healthy: n[0] != '-', Learner: n[0] == '+'}
		if !m.Healthy {
			m.Why = "connection refused"
		}
		list = append(list, m)
	}
	return list
}

func TestMayRemove(t *testing.T) {
	tests := []struct{ members, want string }{
		{"a b c", ""},
		{"a b", ""},
		{"a", "a is the last member of etcd"},
		{"a +b", "a is the last member of etcd"},
		{"-a b c", ""},
		{"a -b c", "without a only 1 of etcd's 2 members would be well"},
		{"a b -c -d", "2 of etcd's 4 members are well, which is no majority, so none can be removed\n  c: connection refused\n  d:"},
		{"-a b", "1 of etcd's 2 members are well, which is no majority"},
		{"a b c d -e", ""},
		{"a b c -d -e", "without a only 2 of etcd's 4 members would be well, which is no majority: mend the others first"},
		{"-a b c d -e", ""},
		{"+a b -c", ""},
		{"b c", ""},
	}
	for _, tt := range tests {
		t.Run(tt.members, func(t *testing.T) {
			err := mayRemove(votersOf(tt.members), "a")
			if tt.want == "" && err != nil || tt.want != "" && !strings.HasPrefix(fmt.Sprint(err), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
