package lab

import (
	"fmt"
	"net/netip"
)

// MaxHosts is the most that the lab's addresses and one machine are made for.
const MaxHosts = 40

// firstAddress is the last number of cp-1's address; the workers follow.
const firstAddress = 10

// wanted lists the first n hosts without ports: a control plane and workers.
// Every way to become root is there among the first three.
func wanted(n int, subnet netip.Prefix) []Host {
	var hosts []Host
	for i := range n {
		h := Host{
			Name:       fmt.Sprintf("worker-%d", i),
			SSHAddress: "127.0.0.1",
			User:       "root",
			Become:     BecomeNone,
			Address:    address(subnet, firstAddress+i),
		}
		switch i {
		case 0:
			h.Name, h.User, h.Become = "cp-1", "ops", BecomePassword
		case 2:
			h.User, h.Become = "admin", BecomeNoPasswd
		}
		h.Container = prefix + h.Name
		hosts = append(hosts, h)
	}
	return hosts
}

// address returns the subnet's nth address.
func address(subnet netip.Prefix, n int) string {
	b := subnet.Masked().Addr().As4()
	b[3] += byte(n)
	return netip.AddrFrom4(b).String()
}
