package host

import "context"

// KubeClient sends requests from the host to the API server and to
// components.
type KubeClient interface {
	// Kube sends one HTTPS request to the API server with a credential that
	// stays on the host. A read-only agent refuses all methods except GET.
	// Kube fails with ErrUnavailable while nothing answers; an answer with
	// any status is no error.
	Kube(ctx context.Context, r KubeRequest) (KubeResponse, error)

	// Get sends one HTTPS or HTTP GET request from the host, for example to a
	// component's health endpoint. Its errors are those of Kube.
	Get(ctx context.Context, r GetRequest) (KubeResponse, error)
}

// A KubeRequest is one request to the API server.
type KubeRequest struct {
	Method      string `json:"method"` // GET, POST, PATCH, PUT, DELETE
	Path        string `json:"path"`   // with the query: /api/v1/nodes?limit=1
	ContentType string `json:"content_type,omitempty"`
	Body        []byte `json:"body,omitempty"`
}

// KubeResponse is the answer to a request. Secret objects in the body have no
// data.
type KubeResponse struct {
	Status int    `json:"status"`
	Body   []byte `json:"body"`
}

// A GetRequest is one GET request that a host sends.
type GetRequest struct {
	URL      string `json:"url"`
	CAPath   string `json:"ca_path,omitempty"`   // CA to verify the server with; "" for http
	CertPath string `json:"cert_path,omitempty"` // client certificate, if any
	KeyPath  string `json:"key_path,omitempty"`
	Lines    string `json:"lines,omitempty"` // return only the lines of the body with this prefix, because metrics are long
}
