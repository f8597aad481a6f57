// Package viewtest has the clusters, saved plans, networks and schemas that the
// tests of what people see share.
package viewtest
