// Package agent serves a host over a pipe, and is the caller's side of that
// pipe: a host.Session. It owns the calls, the rights they need, the host's
// locks, and when the agent ends. How the pipe is made is sshhost's, and what
// a call does to the machine is oshost's.
//
// An agent sends Magic and its hello: its version and the facts of the host.
// From then on it answers calls: JSON-RPC 2.0 in frames with a Content-Length
// header. It is read-only until it is armed, which needs the host's lock. It
// ends when its input ends or when it has heard nothing for a while.
//
// Large files come through a second process (ReceiveArgs), which appends raw
// bytes to a file that the armed agent announced.
package agent

// Magic is the first line that an agent sends. A shell may print anything
// before it.
const Magic = "\x1epmkctl-agent 1\n"

// Version is the version of this program, on both ends of the pipe: the agent
// sends it in its hello and the caller refuses an agent of another one. An
// agent's directory on a host already names the digest of the caller's
// executables; the version finds what that digest cannot: a pmkctl-linux-ARCH
// of another release beside the caller. main sets it before anything else.
// All builds that are no release are "dev".
var Version = "dev"

// Arguments of the executable. They are constant and plain words, so no shell
// changes them.
var (
	ServeArgs    = []string{"agent"}
	ReadOnlyArgs = []string{"agent", "-read-only"}
	ReceiveArgs  = []string{"agent", "receive"}
)
