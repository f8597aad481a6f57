// Package e2e has the tests that need real hosts. They start the lab
// themselves, and fail if it does not start. The build tag e2e separates them
// from tests that take seconds.
//
// The promises of pmkctl are listed in these files: bare_test.go (bare hosts,
// which must not change), cluster_test.go (one cluster, from the first apply
// on), removal_test.go (until its hosts are as before), interrupted_test.go
// (processes and hosts die) and secret_test.go. Each test names a promise and
// shows it on real hosts.
package e2e
