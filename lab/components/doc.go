// Package components gets the components of a Kubernetes cluster for the lab:
// release binaries if their download pages answer, otherwise builds from Go
// modules, and three small images as OCI archives.
//
// Everything is kept in a cache with one folder per recipe. Each folder has a
// manifest of SHA-256 digests, which is checked every time. Every subfolder
// beside this file has a go.mod of its own, so that the requirements of the
// projects stay separate.
package components
