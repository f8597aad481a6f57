// Package viewtest has the clusters, plans and networks that the tests of
// what people see share, and compares what they see with goldens.
package viewtest
