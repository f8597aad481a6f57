// Package removal takes away what pmkctl brought to a host. It owns no item
// of its own: it is told what a host's record says.
package removal
