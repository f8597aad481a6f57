package host

import "context"

// EtcdReader reads the members of an etcd cluster.
type EtcdReader interface {
	// EtcdMembers lists the members of an etcd cluster and asks each for its
	// health. It fails with ErrUnavailable if none of the endpoints answers.
	EtcdMembers(ctx context.Context, r EtcdRequest) ([]EtcdMember, error)
}

// EtcdWriter changes the members of an etcd cluster.
type EtcdWriter interface {
	// EtcdRemove removes a member from an etcd cluster by its id. An id that
	// the cluster does not have is no error.
	EtcdRemove(ctx context.Context, r EtcdRequest, id string) error
}

// An EtcdRequest asks an etcd cluster, through the first endpoint that
// answers.
type EtcdRequest struct {
	Endpoints []string `json:"endpoints"` // client URLs
	CAPath    string   `json:"ca_path"`   // to verify the members with
	CertPath  string   `json:"cert_path"` // client certificate
	KeyPath   string   `json:"key_path"`
}

// EtcdMember is a member of an etcd cluster.
type EtcdMember struct {
	ID      string   `json:"id"`   // decimal
	Name    string   `json:"name"` // "" before its first start
	Clients []string `json:"clients,omitempty"`
	Learner bool     `json:"learner,omitempty"` // has no vote
	Healthy bool     `json:"healthy"`           // it says so itself; the other members are not asked
	Why     string   `json:"why,omitempty"`     // why it is not healthy
}
