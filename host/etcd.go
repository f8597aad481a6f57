package host

import "context"

// EtcdReader reads the members of an etcd cluster.
type EtcdReader interface {
	// EtcdMembers lists the members of an etcd cluster and asks each how it
	// is. Where none of the endpoints answers it fails with ErrUnavailable.
	EtcdMembers(ctx context.Context, r EtcdRequest) ([]EtcdMember, error)
}

// EtcdWriter changes the members of an etcd cluster.
type EtcdWriter interface {
	// EtcdRemove takes a member out of an etcd cluster by its id. One that is
	// not in it is no error.
	EtcdRemove(ctx context.Context, r EtcdRequest, id string) error
}

// An EtcdRequest asks an etcd cluster, through the first of its members that
// answers.
type EtcdRequest struct {
	Endpoints []string `json:"endpoints"` // client URLs
	CAPath    string   `json:"ca_path"`   // to verify the members with
	CertPath  string   `json:"cert_path"` // client certificate
	KeyPath   string   `json:"key_path"`
}

// EtcdMember is one of the cluster's members.
type EtcdMember struct {
	ID      string   `json:"id"`   // decimal
	Name    string   `json:"name"` // "" before it was started once
	Clients []string `json:"clients,omitempty"`
	Learner bool     `json:"learner,omitempty"` // has no vote
	Healthy bool     `json:"healthy"`           // answers for itself; the others need not agree
	Why     string   `json:"why,omitempty"`     // it is not healthy
}
