// Package run is one run of pmkctl over the hosts of a cluster. Plan, Apply,
// Destroy, ApplySaved, Drift and Preflight are sequences of the same parts:
// connect to the hosts, bring in the departing ones, compile the graph, check
// it, judge the result, change the hosts, and verify them.
//
// It owns the order of these parts, the sessions with the hosts, saved plans as
// files, and the outcomes that a run can end with. It does not own the command
// line and the exit codes (cmd), the look of the output (view), the changes on
// a host (plan and modules), or the walk over a graph (executor). It is the
// only package that names sshhost.
//
// Runs differ in values of two interfaces. A goal decides what becomes of the
// hosts, a selector which steps are done.
package run
