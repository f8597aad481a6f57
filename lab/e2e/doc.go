// Package e2e holds the tests that need real hosts. They start the lab
// themselves and fail where it does not start; the build tag e2e keeps them
// out of tests that should take seconds.
//
// What pmkctl promises is a catalogue in the files bare_test.go (bare hosts,
// which nothing may change), cluster_test.go (one cluster, from the first
// apply on), removal_test.go (until its hosts are as before),
// interrupted_test.go (what happens when things die) and
// secret_test.go. Each names a promise and shows it on real hosts.
package e2e
