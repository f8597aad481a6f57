// Package host says what a host is: what can be read of it and changed on it.
// Modules know hosts only through the interface Host. The package has no
// implementation: oshost is this machine, hosttest is a host in memory, and
// the agent serves either of them to another machine.
package host

// Host is one machine. It is made of parts; a function that needs only one
// part can take that part. Calls may run at once and do not wait for each
// other. One call reads several things, because each call is a round trip.
// Every method fails when ctx ends or the connection to the host is lost.
// Errors of the system keep their identity: errors.Is finds fs.ErrNotExist,
// fs.ErrPermission and ErrReadOnly across the wire.
//
// A call that changes the host may be repeated with the same arguments and
// has the same result.
type Host interface {
	Reader
	Writer
	Prober
}

// Reader is what a read-only agent serves. No method changes the host.
type Reader interface {
	SystemReader
	FileReader
	UnitReader
	KernelReader
	NetworkReader
	KeyReader
	KubeClient
	EtcdReader
	PodReader
	RemainsReader
}

// Writer is what an armed agent serves in addition.
type Writer interface {
	FileWriter
	UnitWriter
	KernelWriter
	KeyWriter
	EtcdWriter
	PodWriter
	Remover
	Runner
}
