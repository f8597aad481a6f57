# A cluster that is changed by merge requests alone: docs/pipelines.md. Copy
# this folder to a repository of its own. Host keys stand here, where a
# reviewer sees them, so runners need no known_hosts; the key to log in with is
# in the runner's ssh-agent. Components come by URL, because plan and apply may
# run in different folders.

variable "sudo" {
  type        = string
  description = "What sudo asks for; a masked variable PMK_VAR_sudo of the pipeline."
  sensitive   = true
  default     = ""
}

cluster "ci" {
  kubernetes_version = "1.36.3"
}

ssh {
  user            = "ops"
  become_password = var.sudo
}

host "cp-1" {
  address = "192.0.2.11"
  roles   = ["control-plane", "etcd"]

  ssh {
    host_key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU" # CHANGE; pmkctl ssh scan prints it
  }
}

host "worker-1" {
  address = "192.0.2.12"

  ssh {
    host_key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU" # CHANGE
  }
}

component "all" {
  for_each = { # CHANGE: what sha256sum prints for your files
    kubelet                 = "b9f847ce0ecd4335ae614619118ed80f6d5a77da8206fc67f0b7328ab54cbd5f"
    kube-proxy              = "125bd330cb432c8931807981214e25500e54efddf8891e126ee74d48711e5bb1"
    kube-apiserver          = "0124ec6b4c2a148ec15cdd55eabaf657eaf1c1e56bbd0d1c5f558f0e54f2c039"
    kube-controller-manager = "a2bdb6e3e3245b33da4546f719e6b0f31ce98b590bcb94867dd4c0daf603aa8e"
    kube-scheduler          = "00f56403ace4b319fcb3cae0528c9716e312bdea7a848ef19032d1c18fe4c4da"
    etcd                    = "515248883322494ce54d3e003c9d5765fa98c59eaf4b632f410c037a15cc960c"
    containerd              = "1b203c8f5fa02523d62473062a91370cf47b1f4701a037844fa0942456f81da6"
    containerd-shim-runc-v2 = "94cff13b230e8afeba8dff51952b7a9944574078e49470a577848047e4b97617"
    ctr                     = "bf277cf93ca46cb71fcb1f4f6269f02d4168f050bbac3f69a978d77b71e83742"
    runc                    = "7f8a89c27d89f902c66b4d6e17776aef2158c7b700c1b12b12d6fde24800815e"
    flanneld                = "32e89eae009f093d9dec1f957fb98d1677f9e19dbc7ae6c58ca1e675671bfb11"
    bridge                  = "ccced4dc5ee841a7411796c5f3c1ddcc6e7529d14efeb65ac4bb8874165d81a4"
    host-local              = "ac122fc82220b790999ac0a5975da575af6e462e4bab55a009b1cc22fb2ad22e"
    loopback                = "2a4bb7120fe73f911b5d6fa93cbf9a07e1e83221c222fe5fb5d109156f9d8298"
    portmap                 = "b30e572d93a568b89be04eb973781ac774fb89165bf69e6f960db9403c3f639b"
  }
  source = "https://files.example.com/${each.key}"
  sha256 = each.value
}

image "all" {
  for_each = {
    pause   = { name = "registry.k8s.io/pause:3.10.2", sha256 = "988de1b6854ee16be33132783c8fee26d082f456aab814cee72b56362cc994b9" }
    coredns = { name = "registry.k8s.io/coredns/coredns:v1.14.7", sha256 = "66ec981825999a49f4c6c0d550e7bd06b924773a19aa211501a7ca5c3cc46df1" }
  }
  name   = each.value.name
  source = "https://files.example.com/${each.key}.tar"
  sha256 = each.value.sha256
}
