package oshost

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/host"
)

const (
	maxBody     = 32 << 20         // bytes of an answer
	dialLimit   = 3 * time.Second  // to connect, TLS included
	answerLimit = 30 * time.Second // for a whole request, unless ctx ends earlier
)

// An identity is the files for one side of a TLS connection.
type identity struct{ ca, cert, key string }

// clients are HTTP clients by the files they use, so that connections are
// reused. Files that changed make a new client.
type clients struct {
	mu   sync.Mutex
	have map[identity]*client
}

type client struct {
	*http.Client
	stamps [3]stamp
}

func (c *clients) get(id identity) (*http.Client, error) {
	stamps, err := stampsOf(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.have[id]
	if old != nil && old.stamps == stamps {
		return old.Client, nil
	}
	conf, err := tlsConfig(id)
	if err != nil {
		return nil, err
	}
	if old != nil {
		old.CloseIdleConnections()
	}
	if c.have == nil {
		c.have = map[identity]*client{}
	}
	c.have[id] = &client{Client: newClient(conf), stamps: stamps}
	return c.have[id].Client, nil
}

func newClient(conf *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialLimit}).DialContext,
			TLSHandshakeTimeout: dialLimit,
			TLSClientConfig:     conf,
			ForceAttemptHTTP2:   true,
			MaxConnsPerHost:     1, // HTTP/2 carries all requests on one; otherwise the first ones at once would each dial
			MaxIdleConnsPerHost: 4,
		},
		// A redirect would send the credential, or the request, elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func stampsOf(id identity) (s [3]stamp, err error) {
	for i, p := range []string{id.ca, id.cert, id.key} {
		var st unix.Stat_t
		if p == "" {
			continue
		}
		if err := unix.Stat(p, &st); err != nil {
			return s, &fs.PathError{Op: "read", Path: p, Err: err}
		}
		s[i] = stampOf(&st)
	}
	return s, nil
}

func tlsConfig(id identity) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if id.ca != "" {
		pem, err := os.ReadFile(id.ca)
		if err != nil {
			return nil, err
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in %s", id.ca)
		}
	}
	if id.cert == "" {
		return conf, nil
	}
	pair, err := tls.LoadX509KeyPair(id.cert, id.key)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", id.cert, err)
	}
	conf.Certificates = []tls.Certificate{pair}
	return conf, nil
}

// Get sends one GET request.
func (h *Host) Get(ctx context.Context, r host.GetRequest) (host.KubeResponse, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return host.KubeResponse{}, fmt.Errorf("%q is no URL of a web server", r.URL)
	}
	answer, err := h.request(ctx, http.MethodGet, r.URL, "", nil, identity{r.CAPath, r.CertPath, r.KeyPath})
	if r.Lines != "" {
		answer.Body = linesOf(answer.Body, []byte(r.Lines))
	}
	return answer, err
}

// linesOf returns the lines that begin with prefix.
func linesOf(body, prefix []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(body) {
		if bytes.HasPrefix(line, prefix) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// Kube sends one request to the API server as the cluster's administrator.
func (h *Host) Kube(ctx context.Context, r host.KubeRequest) (host.KubeResponse, error) {
	server, id, err := readKubeconfig(h.kubeconfig)
	if errors.Is(err, fs.ErrNotExist) {
		// There is no cluster here yet, or no longer.
		return host.KubeResponse{}, fmt.Errorf("ask the API server: %w: %w", host.ErrUnavailable, err)
	}
	if err != nil {
		return host.KubeResponse{}, err
	}
	if !strings.HasPrefix(r.Path, "/") {
		return host.KubeResponse{}, fmt.Errorf("%q is no path of the API", r.Path)
	}
	answer, err := h.request(ctx, r.Method, strings.TrimRight(server, "/")+r.Path, r.ContentType, r.Body, id)
	if err == nil {
		answer.Body, err = stripSecrets(answer.Body)
	}
	return answer, err
}

func (h *Host) request(ctx context.Context, method, to, contentType string, body []byte, id identity) (host.KubeResponse, error) {
	var answer host.KubeResponse
	c, err := h.clients.get(id)
	if errors.Is(err, fs.ErrNotExist) {
		return answer, fmt.Errorf("ask %s: %w: %w", to, host.ErrUnavailable, err)
	}
	if err != nil {
		return answer, err
	}
	within, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(within, method, to, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Accept", "application/json, */*;q=0.5")
	resp, err := c.Do(req)
	if err != nil {
		return answer, unavailable(ctx, err)
	}
	defer resp.Body.Close()
	answer.Status = resp.StatusCode
	answer.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return answer, unavailable(ctx, err)
	}
	if len(answer.Body) > maxBody {
		return answer, fmt.Errorf("ask %s: the answer is longer than %d bytes", to, maxBody)
	}
	return answer, nil
}

// unavailable marks errors that mean that nothing answers. A server that we
// do not trust, or that does not trust us, does answer.
func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	var untrusted *tls.CertificateVerificationError
	var alert tls.AlertError
	if errors.As(err, &untrusted) || errors.As(err, &alert) {
		return err
	}
	return fmt.Errorf("%w: %w", host.ErrUnavailable, err)
}

// readKubeconfig returns the server and the files of a kubeconfig's current
// context. The kubeconfig must name files: a credential inside it is not
// used.
func readKubeconfig(path string) (server string, id identity, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", id, err
	}
	var c struct {
		CurrentContext string `json:"current-context"`
		Contexts       []struct {
			Name    string `json:"name"`
			Context struct {
				Cluster string `json:"cluster"`
				User    string `json:"user"`
			} `json:"context"`
		} `json:"contexts"`
		Clusters []struct {
			Name    string `json:"name"`
			Cluster struct {
				Server string `json:"server"`
				CA     string `json:"certificate-authority"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			Name string `json:"name"`
			User struct {
				Cert string `json:"client-certificate"`
				Key  string `json:"client-key"`
			} `json:"user"`
		} `json:"users"`
	}
	if err := yaml.Unmarshal(b, &c); err != nil {
		return "", id, fmt.Errorf("read %s: %w", path, err)
	}
	abs := func(p string) string {
		if p == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(filepath.Dir(path), p)
	}
	for _, ctx := range c.Contexts {
		if ctx.Name != c.CurrentContext {
			continue
		}
		for _, k := range c.Clusters {
			if k.Name == ctx.Context.Cluster {
				server, id.ca = k.Cluster.Server, abs(k.Cluster.CA)
			}
		}
		for _, u := range c.Users {
			if u.Name == ctx.Context.User {
				id.cert, id.key = abs(u.User.Cert), abs(u.User.Key)
			}
		}
	}
	if !strings.HasPrefix(server, "https://") || id.ca == "" || id.cert == "" || id.key == "" {
		return "", id, fmt.Errorf("read %s: it names no HTTPS server, CA, certificate and key", path)
	}
	return server, id, nil
}

// lastApplied is the annotation in which kubectl apply keeps a copy of the
// object.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// stripSecrets removes the data of Secret objects, alone or in lists, and the
// token from answers to token requests.
func stripSecrets(body []byte) ([]byte, error) {
	if !bytes.Contains(body, []byte("Secret")) && !bytes.Contains(body, []byte("TokenRequest")) {
		return body, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var o map[string]any
	if err := d.Decode(&o); err != nil {
		return body, nil // not an object of the API, but text or logs
	}
	stripObject(o, false)
	b, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("take secrets out of an answer: %w", err)
	}
	return b, nil
}

func stripObject(o map[string]any, secret bool) {
	kind, _ := o["kind"].(string)
	if items, ok := o["items"].([]any); ok {
		for _, item := range items {
			if m, ok := item.(map[string]any); ok {
				stripObject(m, kind == "SecretList") // its items have no kind
			}
		}
	}
	switch {
	case kind == "TokenRequest":
		delete(o, "status")
	case kind == "Secret" || secret:
		delete(o, "data")
		delete(o, "stringData")
		if meta, ok := o["metadata"].(map[string]any); ok {
			if notes, ok := meta["annotations"].(map[string]any); ok {
				delete(notes, lastApplied)
			}
		}
	}
}
