// Package plantest has the world that the tests of plan, view and cmd share: a
// spec, small files in the place of its programs and images, and its hosts in
// memory, for which real plans can be made and applied.
package plantest
