package host

import "context"

// RemainsReader reads what components leave on a host.
type RemainsReader interface {
	// Mounts lists what is mounted, in the order of mounting: what is
	// unmounted from the end on is never in use by another mount.
	Mounts(ctx context.Context) ([]Mount, error)

	// Trees counts files and bytes below paths, in their order. What is
	// mounted below is not counted. A path where nothing is has no files.
	// It ends early after two seconds; see Tree.More.
	Trees(ctx context.Context, paths []string) ([]Tree, error)

	// Filters lists the parts of the packet filter that are of such names,
	// those of nftables and of the older iptables alike. A filter that is
	// not in the kernel is not loaded for it.
	Filters(ctx context.Context, q FilterQuery) ([]Filter, error)
}

// Remover removes what components leave on a host.
type Remover interface {
	// RemoveTree removes a directory, or a file, with all below it. It
	// refuses what is not within t.Within and, before it removes anything,
	// what something is mounted below of; links are removed, not followed. A
	// directory on which a file system is mounted is emptied and stays.
	// Nothing at the path is no error.
	RemoveTree(ctx context.Context, t TreeSpec) error

	// Unmount takes the uppermost mount of a path away. One that is in use
	// for five seconds is detached: it goes once nobody uses it any more.
	// Nothing mounted there is no error.
	Unmount(ctx context.Context, path string) error

	// DeleteLink deletes a network interface. None of that name is no error.
	DeleteLink(ctx context.Context, name string) error

	// DeleteRoute deletes a route of the main table, by its destination,
	// gateway and interface. None such is no error.
	DeleteRoute(ctx context.Context, r NetRoute) error

	// ClearFilters removes all that Filters lists, and the rules of other
	// chains that lead there.
	ClearFilters(ctx context.Context, q FilterQuery) error
}

// Mount is a mounted file system.
type Mount struct {
	Path   string `json:"path"`
	Type   string `json:"type"`   // ext4, overlay, tmpfs, nsfs, nfs4
	Source string `json:"source"` // /dev/sda1, overlay, server:/export
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
