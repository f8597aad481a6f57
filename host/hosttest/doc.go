// Package hosttest is a host in memory: a bare Debian 12 with files,
// systemd, users, a kernel, container images and, once its API server runs,
// Kubernetes. It keeps state and refuses what it does not know; nothing in
// it expects calls.
//
//	h := hosttest.New("cp-1", hosttest.WithAddress("192.0.2.11"))
//	h.CutAfter(3) // the connection dies after three changes
//
// What somebody at the console does, past faults and logs, goes through
// Admin: h.Admin().WriteFile(...).
package hosttest
