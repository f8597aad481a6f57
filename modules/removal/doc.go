// Package removal takes away what pmkctl brought to a host. It owns no item
// of its own: it is told what a host's record says.
//
// Items removes single things, from a host that stays too. Of a host that
// leaves, Stop ends all that runs, and Clean removes all that is there:
// Items, and what components wrote and made by themselves (Places, Settings,
// Networks).
package removal
