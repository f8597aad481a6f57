package lab

import (
	"context"
	"fmt"
	"strings"
)

const forwarding = "net/ipv4/ip_forward"

// A firewall is the state that dockerd changes on a machine and does not
// restore when it ends.
type firewall struct {
	Policy     string `json:"policy"`     // of the chain FORWARD; dockerd may make it DROP
	Forwarding string `json:"forwarding"` // ip_forward; dockerd makes it 1
	Bridge     bool   `json:"bridge"`     // whether docker0 existed
}

// noteFirewall notes in m the state before dockerd starts. If it is there from
// an interrupted run, it is not overwritten.
func (m *machine) noteFirewall(ctx context.Context) error {
	if m.Firewall != nil {
		return nil
	}
	f := &firewall{Bridge: haveBridge(ctx)}
	var err error
	if f.Forwarding, err = readSysctl(forwarding); err != nil {
		return err
	}
	rules, err := command(ctx, nil, "iptables", "--list-rules", "FORWARD")
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(rules, "\n")
	f.Policy = strings.TrimPrefix(first, "-P FORWARD ")
	m.Firewall = f
	return m.save()
}

func haveBridge(ctx context.Context) bool {
	_, err := command(ctx, nil, "ip", "link", "show", "docker0")
	return err == nil
}

// restoreFirewall undoes what dockerd changed, unless the machine had Docker
// before.
func (m *machine) restoreFirewall(ctx context.Context) error {
	f := m.Firewall
	if f == nil {
		return nil
	}
	if !f.Bridge {
		if err := f.undo(ctx); err != nil {
			return fmt.Errorf("restore the firewall: %w", err)
		}
	}
	m.Firewall = nil
	return m.save()
}

func (f firewall) undo(ctx context.Context) error {
	if haveBridge(ctx) {
		if _, err := command(ctx, nil, "ip", "link", "delete", "docker0"); err != nil {
			return err
		}
	}
	rules, err := command(ctx, nil, "iptables-save")
	if err != nil {
		return err
	}
	if _, err := command(ctx, strings.NewReader(withoutDocker(rules, f.Policy)), "iptables-restore"); err != nil {
		return err
	}
	return writeSysctl(forwarding, f.Forwarding)
}

// withoutDocker removes Docker's chains and rules from the output of
// iptables-save, and sets the policy of FORWARD. All other rules stay.
func withoutDocker(rules, policy string) string {
	var b strings.Builder
	for line := range strings.Lines(rules) {
		switch {
		case strings.Contains(line, "DOCKER") || strings.Contains(line, "docker0"):
		case strings.HasPrefix(line, ":FORWARD ") && policy != "":
			f := strings.Fields(line)
			f[1] = policy
			fmt.Fprintln(&b, strings.Join(f, " "))
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}
