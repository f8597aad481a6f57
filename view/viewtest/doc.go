// Package viewtest has the clusters, plans and networks that the tests of
// what people see share.
package viewtest
