package run

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/keys"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
)

// KubeconfigOptions are the options of Kubeconfig.
type KubeconfigOptions struct {
	Options
	Server      string // URL of the API server; "" for the one in the spec
	User        string
	Lifetime    time.Duration // of the certificate
	LockTimeout time.Duration // longest wait for an apply that has locked the host
}

// Kubeconfig makes a key and returns the kubeconfig of an administrator. Only
// the certificate request is sent to the signer, never the key.
func Kubeconfig(ctx context.Context, o KubeconfigOptions) ([]byte, error) {
	cluster, _, err := o.Load()
	if err != nil {
		return nil, err
	}
	signer := controlPlane(cluster)[0]
	conn, err := o.connect(ctx, []*spec.Host{signer}, false)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	if err := conn.unreachable(cluster.Hosts, none); err != nil {
		return nil, err
	}
	return o.issue(ctx, cluster, conn.sessions[signer.Name])
}

func (o KubeconfigOptions) issue(ctx context.Context, cluster *spec.Cluster, signer host.Session) ([]byte, error) {
	have, err := signer.Files(ctx, []host.FileQuery{{Path: plan.ClusterCA.CertPath, Content: true}})
	if err != nil {
		return nil, err
	}
	if have[0].Type == host.Absent {
		return nil, errors.New("the cluster has no certificate authority yet; run pmkctl apply first")
	}
	key, err := keys.New()
	if err != nil {
		return nil, err
	}
	request, err := keys.Request(key, o.User)
	if err != nil {
		return nil, err
	}
	if err := signer.Lock(ctx, host.LockRequest{Run: "kubeconfig", Who: operator(), For: "kubeconfig", Wait: o.LockTimeout}); err != nil {
		return nil, &Error{Refused, err}
	}
	if err := signer.Arm(ctx, "kubeconfig"); err != nil {
		return nil, err
	}
	cert, err := signer.Sign(ctx, host.SignRequest{KeyPath: plan.ClusterCA.KeyPath, CertPath: plan.ClusterCA.CertPath, Request: request,
		Profile: host.CertProfile{CommonName: o.User, Organizations: []string{plan.AdminGroup}, Client: true, Lifetime: o.Lifetime}})
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", o.User, err)
	}
	return o.render(cluster, have[0].Content, cert, key)
}

// render embeds the certificates and the key, so that the file can be copied
// alone.
func (o KubeconfigOptions) render(c *spec.Cluster, ca, cert, key []byte) ([]byte, error) {
	server := o.Server
	if server == "" {
		server = plan.ServerURL(c)
	}
	b64 := base64.StdEncoding.EncodeToString
	type object = map[string]any
	return yaml.Marshal(object{
		"apiVersion":      "v1",
		"kind":            "Config",
		"clusters":        []object{{"name": c.Name, "cluster": object{"server": server, "certificate-authority-data": b64(ca)}}},
		"users":           []object{{"name": o.User, "user": object{"client-certificate-data": b64(cert), "client-key-data": b64(key)}}},
		"contexts":        []object{{"name": c.Name, "context": object{"cluster": c.Name, "user": o.User}}},
		"current-context": c.Name,
	})
}
