// Package lab makes real Linux hosts on one machine: Docker containers that
// boot systemd and sshd, on a network of their own, with SSH published on
// loopback ports. What is installed on them is not the lab's business.
//
// What the lab knows about its hosts is asked of Docker each time; hosts.json
// and the folder .lab are written for others to read. What it changed on the
// machine itself (an engine that it started, a limit that it raised) stands
// under /run/pmk-lab, so that Down of any clone can put it right.
package lab
