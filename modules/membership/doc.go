// Package membership makes a host a member of a cluster and ends that: it
// writes the record, the inventory of the hosts, and removes what the record
// owns and no step wants. How the record is kept is the business of package
// state.
package membership
