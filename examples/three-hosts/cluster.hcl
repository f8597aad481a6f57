# Three hosts in a private network, reached through a bastion as a user who
# becomes root by sudo. Digests are in components.hcl.

variable "become_password" {
  type        = string
  description = "What sudo asks for: pmkctl plan -var-file=secrets.hclvars"
  sensitive   = true
  default     = ""
}

variable "network" {
  type        = string
  description = "The hosts' own network."
  default     = "192.0.2.0/24"
}

cluster "three" {
  kubernetes_version = "1.36.3"
  pod_cidr           = "10.244.0.0/16"
  service_cidr       = "10.96.0.0/16"
}

api {
  endpoint   = "api.three.example.com" # a name outlives a host
  extra_sans = [cidrhost(var.network, 11)]
}

network "flannel" {
  backend = "vxlan"
}

ssh {
  user            = "ops"
  identity_file   = "~/.ssh/id_ed25519"
  become_password = var.become_password

  bastion {
    address = "bastion.example.com"
    user    = "jump"
  }
}

host "cp-1" {
  address = cidrhost(var.network, 11)
  roles   = ["control-plane", "etcd"]
}

host "worker-1" {
  address = cidrhost(var.network, 12)
  labels  = { "example.com/rack" = "a" }
}

host "worker-2" {
  address = cidrhost(var.network, 13)
  labels  = { "example.com/rack" = "b", "example.com/gpu" = "true" }

  taint {
    key    = "example.com/gpu"
    value  = "true"
    effect = "NoSchedule"
  }

  # Another name and port, behind the same bastion, and a key that is pinned here.
  ssh {
    address  = "worker-2.example.com"
    port     = 2222
    host_key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
  }

  kubelet {
    config = { maxPods = 50 }
  }
}

kubelet {
  config = {
    containerLogMaxSize = "50Mi"
    systemReserved      = { memory = "500Mi" }
  }
}

kube_proxy {
  mode = "nftables"
}

kube_apiserver {
  flags = { audit-log-path = "-" }
}
