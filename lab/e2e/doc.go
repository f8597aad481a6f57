// Package e2e holds the tests that need real hosts. They start the lab
// themselves and fail where it does not start; the build tag e2e keeps them
// out of tests that should take seconds.
package e2e
