// Package preflight has the words of preflight: the catalogue of checks with
// their ids, findings and their levels, ports and edges with what became of
// them, and the statements that sum up many edges. It asks no host anything:
// package hostcheck finds what is wrong on one host, package reach what is
// wrong between hosts.
package preflight
