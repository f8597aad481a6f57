# A Kubernetes cluster on hosts reached over SSH. `pmkctl validate` checks this
# file, `pmkctl plan` shows what would change on the hosts, `pmkctl apply` does
# it. Lines marked CHANGE are yours to fill in; docs/spec.md has everything else.

variable "become_password" {
  type        = string
  default     = "" # give it by a git-ignored file cluster.auto.hclvars, or -var
  description = "What sudo asks for; empty where it asks for none."
  sensitive   = true
}

locals {
  # CHANGE: put these files into a folder components/ beside this file, and
  # write what `sha256sum components/*` prints. Zeros stand for digests still to
  # be written; no file has them, so a plan refuses them. The images are OCI or
  # Docker archives, as `docker save` writes them.
  zeros = "0000000000000000000000000000000000000000000000000000000000000000"
  programs = {
    kubelet                 = local.zeros
    kube-proxy              = local.zeros
    kube-apiserver          = local.zeros
    kube-controller-manager = local.zeros
    kube-scheduler          = local.zeros
    etcd                    = local.zeros
    containerd              = local.zeros # 2.2 or newer, for Kubernetes 1.36
    containerd-shim-runc-v2 = local.zeros
    ctr                     = local.zeros
    runc                    = local.zeros
    flanneld                = local.zeros
    bridge                  = local.zeros # this and the next three: CNI plugins
    host-local              = local.zeros
    loopback                = local.zeros
    portmap                 = local.zeros
  }
  images = {
    pause   = { name = "registry.k8s.io/pause:3.10.2", sha256 = local.zeros }
    coredns = { name = "registry.k8s.io/coredns/coredns:v1.14.7", sha256 = local.zeros }
  }
}

cluster "first" { # CHANGE: neither name nor CIDRs can change once it runs
  kubernetes_version = "1.36.3"
  pod_cidr           = "10.244.0.0/16" # apart from the hosts' own network
  service_cidr       = "10.96.0.0/16"
}

network "flannel" {
  backend = "vxlan" # or "udp", "host-gw", "wireguard"
}

# What no plan may do, whoever approves it; docs/pipelines.md has more.
policy "one-control-plane-host" {
  condition     = !plan.live || length(plan.control_plane_hosts) <= 1
  error_message = "One control-plane host at a time: ${join(", ", plan.control_plane_hosts)} would change."
}

# Of all hosts; a host's own ssh block wins, line by line.
ssh {
  user            = "root" # CHANGE: another user becomes root by sudo
  become_password = var.become_password
  # `pmkctl ssh scan` helps to fill it.
  known_hosts = "~/.ssh/known_hosts"
}

host "cp-1" {
  address = "192.0.2.11" # CHANGE: by which the other hosts reach it
  roles   = ["control-plane", "etcd", "worker"]
}

# A host whose block is deleted leaves the cluster with the next apply: it is
# drained, stopped and cleaned. One that is dead takes a block:
#   removed {
#     host        = "worker-2"
#     unreachable = true
#   }
host "worker" {
  for_each = { # CHANGE
    worker-1 = "192.0.2.12"
    worker-2 = "192.0.2.13"
  }
  address = each.value
}

component "all" {
  for_each = local.programs
  source   = "components/${each.key}"
  sha256   = each.value
}

image "all" {
  for_each = local.images
  name     = each.value.name
  source   = "components/${each.key}.tar"
  sha256   = each.value.sha256
}
