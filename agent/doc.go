// Package agent serves a host over a pipe, and is the caller's side of that
// pipe: a host.Session. It owns the calls, who may make them, the host's
// locks, and when the agent leaves; not how the pipe comes about (sshhost)
// nor what a call does to the machine (oshost).
//
// An agent says Magic, then who and what the host is, and answers calls from
// then on: JSON-RPC 2.0 in frames with a Content-Length header. It is
// read-only until it was armed, which needs the host's lock. It leaves when
// its input ends or nothing was heard for a while.
//
// Large files come through a second process (the command line ReceiveCommand),
// which appends raw bytes to a file that the armed agent announced.
package agent

// Magic is what an agent says first. A shell may print anything before it.
const Magic = "\x1epmkctl-agent 1\n"

// Version is the version of this program, for both ends of the pipe: the agent
// sends it in its hello and the caller refuses an agent of another one. The
// directory of an agent already names the digest of the caller's executable;
// the version finds what the digest cannot, a pmkctl-linux-ARCH of another
// release beside the caller. main sets it first of all; builds that are no
// release are all "dev".
var Version = "dev"

// Arguments of the executable; the words are constant, so that a shell has
// nothing to read in them.
var (
	ServeArgs    = []string{"agent"}
	ReadOnlyArgs = []string{"agent", "-read-only"}
	ReceiveArgs  = []string{"agent", "receive"}
)
