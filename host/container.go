package host

// InContainer reports whether the host is a container, which shares kernel
// and hardware with other hosts.
func (f Facts) InContainer() bool {
	switch f.Virt {
	case "docker", "podman", "lxc", "lxc-libvirt", "systemd-nspawn", "openvz", "rkt", "wsl", "proot", "pouch", "container-other":
		return true
	}
	return false
}
