// Package components gets what a Kubernetes cluster is made of onto this
// machine: release binaries where their download pages answer, else builds
// from Go modules, and three small images as OCI archives.
//
// Everything lands in a cache, one folder per recipe, with a manifest of
// SHA-256 digests that is checked every time. The go.mod in each folder beside
// this file keeps the requirements of one project apart from the others'.
package components
