package host

import "context"

// KubeClient makes requests from the host to the API server and to components.
type KubeClient interface {
	// Kube makes one HTTPS request to the API server with a credential that
	// stays on the host. A read-only agent refuses all methods but GET.
	// While nothing answers it fails with ErrUnavailable; an answer with any
	// status is no error.
	Kube(ctx context.Context, r KubeRequest) (KubeResponse, error)

	// Get makes one HTTPS or HTTP GET request from the host itself, such as
	// to a component's health endpoint. Errors as for Kube.
	Get(ctx context.Context, r GetRequest) (KubeResponse, error)
}

// A KubeRequest is one request to the API server.
type KubeRequest struct {
	Method      string `json:"method"` // GET, POST, PATCH, PUT, DELETE
	Path        string `json:"path"`   // with the query: /api/v1/nodes?limit=1
	ContentType string `json:"content_type,omitempty"`
	Body        []byte `json:"body,omitempty"`
}

// KubeResponse is its answer. Bodies of Secret objects come without data.
type KubeResponse struct {
	Status int    `json:"status"`
	Body   []byte `json:"body"`
}

// A GetRequest is one GET that a host makes.
type GetRequest struct {
	URL      string `json:"url"`
	CAPath   string `json:"ca_path,omitempty"`   // the file to verify the server with; "" for http
	CertPath string `json:"cert_path,omitempty"` // client certificate, if any
	KeyPath  string `json:"key_path,omitempty"`
	Lines    string `json:"lines,omitempty"` // only the lines of the body that begin so: metrics are long
}
