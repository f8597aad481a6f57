package lab

import (
	"fmt"
	"net/netip"
)

// MaxHosts is the largest number of hosts that the lab's addresses and one
// machine allow.
const MaxHosts = 40

// firstAddress is the last number of the address of cp-1. The workers follow.
const firstAddress = 10

// wanted returns the first n hosts without ports: a control plane and workers.
// The first three hosts have all the ways to become root.
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
