// Package host says what a host is: what may be read of it and changed on it.
// Modules know hosts only through the interface here. It owns no
// implementation: oshost is this machine, hosttest a host in memory, and the
// agent serves either of them to another machine.
package host

// Host is one machine, made of parts that functions take where they need no
// more. Calls may run at once and wait for no other. Reads of several things
// are one call, because a call is a round trip. Every method fails when ctx
// ends or the host is lost, and errors of the system keep their identity
// (errors.Is with fs.ErrNotExist, fs.ErrPermission and ErrReadOnly works
// across the wire).
//
// A call that changes the host may be repeated with the same arguments and
// ends the same.
type Host interface {
	Reader
	Writer
	Prober
}

// Reader is what a read-only agent serves: nothing in it changes the host.
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

// Writer is what an armed agent serves as well.
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
