package host

import "context"

// RemainsReader reads what components made on a host beside their files:
// mounts, trees and filters.
type RemainsReader interface {
	// Mounts lists mounted file systems in the order of mounting. A caller
	// that unmounts from the end of the list never meets a mount that another
	// mount uses.
	Mounts(ctx context.Context) ([]Mount, error)

	// Trees counts files and bytes below paths, in their order. Mounts below
	// them are not counted. A path with nothing there has no files. It ends
	// early after two seconds; see Tree.More.
	Trees(ctx context.Context, paths []string) ([]Tree, error)

	// Filters lists the parts of the packet filter with the names in q, in
	// nftables and in the older iptables. A filter that the kernel has not
	// loaded is not loaded for this call.
	Filters(ctx context.Context, q FilterQuery) ([]Filter, error)
}

// Remover removes what components made on a host.
type Remover interface {
	// RemoveTree removes a file, or a directory with all below it. It refuses
	// a path outside of t.Within. It also refuses a tree that has a mount
	// below it, and removes nothing then. Links are removed, not followed. A
	// directory that is itself a mount point is emptied and stays. A path
	// with nothing there is no error.
	RemoveTree(ctx context.Context, t TreeSpec) error

	// Unmount removes the uppermost mount of a path. A mount that is still in
	// use after five seconds is detached: it ends when its last user does. A
	// path with no mount is no error.
	Unmount(ctx context.Context, path string) error

	// DeleteLink deletes a network interface. A name that does not exist is
	// no error.
	DeleteLink(ctx context.Context, name string) error

	// DeleteRoute deletes a route of the main table by its destination,
	// gateway and interface. A route that does not exist is no error.
	DeleteRoute(ctx context.Context, r NetRoute) error

	// ClearFilters removes all that Filters lists, and the rules in other
	// chains that jump there.
	ClearFilters(ctx context.Context, q FilterQuery) error
}

// Mount is a mounted file system.
type Mount struct {
	Path   string `json:"path"`
	Type   string `json:"type"`   // ext4, overlay, tmpfs, nsfs, nfs4
	Source string `json:"source"` // /dev/sda1, overlay, server:/export
}

// Tree is the size of what is below a path.
type Tree struct {
	Path  string `json:"path"`
	Files int64  `json:"files"`          // directories are not counted
	Bytes int64  `json:"bytes"`          // that they take up on disk
	More  bool   `json:"more,omitempty"` // the time was too short to count all
}

// TreeSpec is a tree to remove.
type TreeSpec struct {
	Path string `json:"path"`
	// Within lists the only trees that may be removed from: the path is one
	// of them or below one. They are constants of the caller, whereas the
	// path may come from a record on the host and is not trusted.
	Within []string `json:"within"`
	// Keep lists names in the directory that stay; then the directory stays
	// too.
	Keep []string `json:"keep,omitempty"`
}

// FilterQuery names parts of the packet filter.
type FilterQuery struct {
	Chains []string `json:"chains,omitempty"` // prefixes of the names of chains and ipsets, such as "KUBE-"
	Tables []string `json:"tables,omitempty"` // names of nftables tables, in any family
}

// Filter is what a FilterQuery finds in one table.
type Filter struct {
	Kind   string `json:"kind"`   // nftables (which today's iptables uses too), iptables-legacy or ipset
	Family string `json:"family"` // ip, ip6, inet; "" for ipsets
	Table  string `json:"table"`  // or the ipset's name
	Chains int    `json:"chains,omitempty"`
	Whole  bool   `json:"whole,omitempty"` // the query names the table itself
}
