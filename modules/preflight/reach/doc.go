// Package reach is the probe over all hosts at once: it binds the ports of
// the components, dials every edge between the hosts while all listen, and
// compares clocks and identities of the hosts. It changes nothing: what it
// binds is released at the end.
package reach
