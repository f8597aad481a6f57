// Package probe finds out from this machine which ports can be bound and
// which peers can be reached. It is both ends of host.Prober, the listening
// and the dialling one. It owns sockets for the length of a round and one
// lock file, and changes nothing on the machine.
//
// How a cause is found:
//   - Every request carries a nonce, and every listener returns those that
//     arrived. A nonce that arrived without its echo coming back shows the
//     direction of the failure.
//   - A TCP handshake that was begun and not completed is seen in the
//     kernel's table of half-open connections.
//   - ICMP errors are read from the sockets' error queues, which have the
//     ICMP type; the plain error number does not.
//   - One lost packet costs a resend, not a timeout: datagrams are sent
//     again every 40 ms, and a second connection is tried beside the first.
//   - A datagram is sent from an ephemeral port, so that no earlier packet
//     opened a stateful firewall for it. Its echo goes back to that port.
//     The echo of a datagram that was sent again also goes to the listener's
//     own port at the other end, as an overlay's packets would.
package probe
