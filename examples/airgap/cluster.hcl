# Hosts without Internet: all comes from a folder on the controller, listed in
# a YAML file with its digests, and images carry the names of a mirror.

locals {
  bundle = yamldecode(file("bundle.yaml"))
  mirror = "mirror.example.com"
}

cluster "airgap" {
  kubernetes_version = "1.36.3"
}

network "flannel" {
  backend = "host-gw" # all hosts on one network segment
}

host "cp-1" {
  address = "192.0.2.11"
  roles   = ["control-plane", "etcd", "worker"]
}

host "worker" {
  for_each = toset(["worker-1", "worker-2"])
  address  = cidrhost("192.0.2.0/24", 11 + tonumber(split("-", each.key)[1]))
}

containerd {
  config = {
    plugins = {
      "io.containerd.cri.v1.images" = {
        registry = { config_path = "/etc/containerd/certs.d" }
      }
    }
  }
}

component "all" {
  for_each = local.bundle.components
  version  = each.value.version
  source   = "bundle/${each.key}"
  sha256   = each.value.sha256
}

image "all" {
  for_each = local.bundle.images
  name     = "${local.mirror}/${each.value.name}"
  source   = "bundle/${each.key}.tar"
  sha256   = each.value.sha256
}
