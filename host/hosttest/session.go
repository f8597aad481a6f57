package hosttest

// lock is the host's lock.
type lock struct{}
