// Package object makes objects of the Kubernetes API, by server-side apply
// as the field manager pmkctl. It owns the fields that it sets, and does not change
// fields that others add to the same objects.
//
// Module applies objects, and Rollout waits for a Deployment. RBAC and CoreDNS
// return the objects that every cluster needs.
package object
