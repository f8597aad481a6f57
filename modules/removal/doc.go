// Package removal takes a cluster off a departing host: Stop ends all that
// runs, and Clean removes what pmkctl's record of the host owns and what
// components made by themselves (modules.Footprint).
package removal
