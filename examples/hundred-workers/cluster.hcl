# A hundred workers from a few lines. Digests are in components.hcl.

locals {
  network = "10.20.0.0/20"

  workers = {
    for i in range(1, 101) : format("worker-%03d", i) => {
      address = cidrhost(local.network, 100 + i)
      rack    = "r${floor((i - 1) / 20) + 1}"
    }
  }
}

cluster "hundred" {
  kubernetes_version = "1.36.3"
  pod_cidr           = "10.128.0.0/12"
  service_cidr       = "10.96.0.0/16"
  max_unavailable    = 10
}

network "flannel" {
  backend = "wireguard"
}

host "cp-1" {
  address = cidrhost(local.network, 10)
  roles   = ["control-plane", "etcd"]
}

host "worker" {
  for_each = local.workers
  address  = each.value.address
  labels   = { "topology.kubernetes.io/zone" = each.value.rack }
}

coredns {
  replicas = 4
}
