package host

// Mount is a mounted file system.
type Mount struct {
	Path   string `json:"path"`
	Type   string `json:"type"`   // ext4, overlay, tmpfs, nsfs, nfs4
	Source string `json:"source"` // /dev/sda1, overlay, server:/export
}

// PodProcess is a process of a pod, or a shim.
type PodProcess struct {
	PID  int    `json:"pid"`
	Name string `json:"name"`
	Shim bool   `json:"shim,omitempty"`
}

// Tree is how much is below a path.
type Tree struct {
	Path  string `json:"path"`
	Files int64  `json:"files"`          // that are no directories
	Bytes int64  `json:"bytes"`          // as they take up on disk
	More  bool   `json:"more,omitempty"` // there was no time to count all
}

// TreeSpec is a tree to be removed.
type TreeSpec struct {
	Path string `json:"path"`
	// Within are the directories that the path must be or lie below; what
	// it is made of may come from elsewhere, these come from the code.
	Within []string `json:"within"`
	// Keep are names in the directory that stay, and the directory with them.
	Keep []string `json:"keep,omitempty"`
}

// FilterQuery names parts of the packet filter as their makers do.
type FilterQuery struct {
	Chains []string `json:"chains,omitempty"` // what the names of chains and ipsets begin with: "KUBE-"
	Tables []string `json:"tables,omitempty"` // names of nftables tables, in any family
}

// Filter is what there is of a FilterQuery in one table.
type Filter struct {
	Kind   string `json:"kind"`   // nftables (today's iptables too), iptables-legacy or ipset
	Family string `json:"family"` // ip, ip6, inet; "" of ipsets
	Table  string `json:"table"`  // or the ipset's name
	Chains int    `json:"chains,omitempty"`
	Whole  bool   `json:"whole,omitempty"` // the table itself is named
}
