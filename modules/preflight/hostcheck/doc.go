// Package hostcheck is the probe of one host: what the components need and
// the host lacks, and what is on the host that must not be. It compares no
// host with another, and changes nothing.
package hostcheck
