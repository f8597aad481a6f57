package plantest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

const workersSpec = `
locals {
  sha256 = "b9f847ce0ecd4335ae614619118ed80f6d5a77da8206fc67f0b7328ab54cbd5f"
  names  = %q
}
cluster "test" {
  kubernetes_version = "1.36.3"
  pod_cidr           = "10.128.0.0/10"
  service_cidr       = "10.64.0.0/16"
  %s
}
host "cp-1" {
  address = "10.20.0.1"
  roles   = ["control-plane", "etcd", "worker"]
}
host "workers" {
  for_each = { for i in range(1, %d) : "worker-${i}" => cidrhost("10.20.0.0/16", i + 1) }
  address  = each.value
}
component "all" {
  for_each = toset(split(" ", local.names))
  source   = each.key
  sha256   = local.sha256
}
image "all" {
  for_each = { pause = "registry.k8s.io/pause:3.10.2", coredns = "registry.k8s.io/coredns/coredns:v1.14.7" }
  name     = each.value
  source   = each.key
  sha256   = local.sha256
}
`

// Workers returns a world of cp-1 and n workers, all of them bare. more stands
// in the block of the cluster.
func Workers(t testing.TB, n int, more string) *World {
	t.Helper()
	return Declaring(t, Components(), n, more)
}

// Declaring is Workers for a spec that declares these components.
func Declaring(t testing.TB, components []string, n int, more string) *World {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cluster.hcl"), fmt.Appendf(nil, workersSpec, strings.Join(components, " "), more, n+1))
	return Load(t, dir, 1)
}
