package host

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
