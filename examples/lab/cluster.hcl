# The cluster of `make demo`, on the hosts that `make lab-up` starts. It
# writes hosts.json, components.json and lab.auto.hclvars beside this file.

variable "become_password" {
  type        = string
  default     = ""
  description = "What sudo asks for on hosts whose become is \"password\"."
  sensitive   = true
}

locals {
  hosts = { for h in jsondecode(file("hosts.json")) : h.name => h }
  built = jsondecode(file("components.json"))

  # CoreDNS runs from an image, kubectl on the controller.
  components = { for name, c in local.built.components : name => c if !contains(["coredns", "kubectl"], name) }
}

cluster "lab" {
  kubernetes_version = "1.36.3"
  pod_cidr           = "10.244.0.0/16"
  service_cidr       = "10.96.0.0/16"
}

network "flannel" {
  backend = "udp"
}

ssh {
  identity_file = "../../.lab/id_ed25519"
  known_hosts   = "../../.lab/known_hosts"
  agent         = false
}

host "lab" {
  for_each = local.hosts

  address = each.value.address
  roles   = each.key == "cp-1" ? ["control-plane", "etcd", "worker"] : ["worker"]
  labels  = { "example.com/container" = each.value.container }

  ssh {
    address         = each.value.ssh_address
    port            = each.value.ssh_port
    user            = each.value.user
    become          = each.value.become != "none"
    become_password = each.value.become == "password" ? var.become_password : null
  }
}

# What containers without CAP_SYS_RESOURCE on cgroup v1 ask for. Hosts of
# your own need none of it.
kubelet {
  config = {
    failCgroupV1 = false
    failSwapOn   = false
  }
  feature_gates = {
    KubeletInUserNamespace = true
  }
}

containerd {
  config = {
    plugins = {
      "io.containerd.cri.v1.runtime" = {
        restrict_oom_score_adj = true
      }
    }
  }
}

kube_proxy {
  mode = "iptables"
  config = {
    conntrack = {
      maxPerCore            = 0
      min                   = 0
      tcpEstablishedTimeout = "0s"
      tcpCloseWaitTimeout   = "0s"
    }
  }
}

component "all" {
  for_each = local.components

  version = each.value.version
  source  = each.value.source
  sha256  = each.value.sha256
}

image "all" {
  for_each = local.built.images

  name   = each.value.name
  source = each.value.source
  sha256 = each.value.sha256
}
