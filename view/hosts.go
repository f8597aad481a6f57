package view

import "github.com/pmkctl/pmkctl/modules/preflight"

// HostRanges writes names that count up as ranges, as statements of preflight
// do: "worker-[1-3]".
func HostRanges(hosts []string) []string { return preflight.Ranges(hosts) }
