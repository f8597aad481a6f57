// Package run is one run of the tool over the hosts of a cluster. Plan, Apply,
// Destroy, ApplySaved, Drift and Preflight are sequences of the same parts:
// connect to the hosts, bring in those that depart, compile the graph, check
// it, judge what came of that, change the hosts, and verify them.
//
// It owns the order of these parts, the sessions with the hosts, saved plans
// as files, and the outcomes that a run can end with. It does not own the
// command line and exit codes (cmd), how things look (view), what is done on a
// host (plan and modules), nor how a graph is walked (executor). It is the
// only package that names sshhost.
//
// What differs between runs is in values of two interfaces: a goal says what
// is to become of the hosts, a selector which steps are to be done.
package run
