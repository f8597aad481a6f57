// Package preflight finds what would break a cluster before anything is
// changed: on each host what the components need and lack (HostProbe), and
// between all hosts which ports can be bound and which peers be reached
// (Connectivity). It owns the catalogue of checks with their ids and words.
// It changes nothing.
package preflight
