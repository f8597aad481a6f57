// Package probe finds out from this machine which ports can be bound and
// which peers can be reached: the listening and the dialling end of
// host.Prober. It owns sockets for the length of a round and one lock file,
// and changes nothing of the machine.
//
// How a cause is told:
//   - Every request carries a nonce, and every listener tells which came: a
//     nonce that arrived without its echo coming back shows the direction.
//   - A TCP handshake that was begun and not completed is seen in the
//     kernel's table of half-open connections.
//   - ICMP errors are read from the sockets' error queues, with the type
//     that the plain error number does not tell.
//   - One lost packet costs a resend, not a timeout: datagrams are sent
//     again every 40 ms, connections are tried anew beside the first one.
//   - A datagram is sent from an ephemeral port, so that no earlier packet
//     opened a stateful firewall for it. Its echo goes back to that port,
//     and the echo of one sent again also to the listener's own port at the
//     other end, as an overlay's packets would.
package probe
