// Package hosttest is a host in memory: a bare Debian 12 with files, systemd,
// users, a kernel, container images and, when its API server runs,
// Kubernetes. It keeps state and refuses what it does not know. It expects no
// particular calls.
//
//	h := hosttest.New("cp-1", hosttest.WithAddress("192.0.2.11"))
//	h.CutAfter(3) // the connection is lost after three changes
//
// Admin is the host's console, which faults and logs do not concern:
// h.Admin().WriteFile(...).
package hosttest
