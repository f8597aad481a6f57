// Package object makes objects of the Kubernetes API, by server-side apply
// as the field manager pmkctl. It owns the fields that it sets and leaves
// alone what others add to the same objects.
//
// Module applies objects, Rollout waits for a Deployment; RBAC and CoreDNS
// are the objects that a cluster needs.
package object
