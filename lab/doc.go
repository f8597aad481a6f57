// Package lab makes real Linux hosts on one machine. They are Docker containers
// that boot systemd and sshd, in a network of their own, with SSH ports on
// loopback. What is installed on them does not belong to this package.
//
// The lab asks Docker for the state of its hosts each time. It writes
// hosts.json and the folder .lab only for other programs. Its changes of the
// machine itself (a started engine, a raised limit) are noted in /run/pmk-lab,
// so that Down can undo them from any clone of the repository.
package lab
