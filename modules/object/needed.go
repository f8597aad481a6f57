package object

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"
)

//go:embed manifests
var manifests embed.FS

// RBAC is what identities of pmkctl's own may do: the user system:flannel,
// the user kube-apiserver-kubelet-client, and kubelets that rotate their
// client certificates.
func RBAC() ([]Object, error) { return render("rbac.yaml", nil) }

// DNS is the cluster's DNS.
type DNS struct {
	Image     string
	ClusterIP netip.Addr // of the Service; see DNSAddress
	Domain    string     // cluster.local
	Replicas  int        // 0 is 2
	// Upstream answers for other domains: addresses, or /etc/resolv.conf for
	// what the node uses. Where it is empty such names do not resolve.
	Upstream []string
	Corefile string // in the place of ours; "" is ours
}

// DNSAddress is the tenth address of the Services' range, where clients
// expect the DNS; it is not valid if the range is too small.
func DNSAddress(services netip.Prefix) netip.Addr {
	a := services.Masked().Addr()
	for range 10 {
		a = a.Next()
	}
	if !services.Contains(a) {
		return netip.Addr{}
	}
	return a
}

// CoreDNS is the objects of the cluster's DNS. The Deployment is
// kube-system/coredns.
func CoreDNS(d DNS) ([]Object, error) {
	corefile := d.Corefile
	if corefile == "" {
		corefile = d.corefile()
	}
	if d.Replicas == 0 {
		d.Replicas = 2
	}
	digest := sha256.Sum256([]byte(corefile))
	return render("coredns.yaml", map[string]any{
		"Image": d.Image, "ClusterIP": d.ClusterIP.String(), "Replicas": d.Replicas,
		"Corefile": corefile, "Digest": hex.EncodeToString(digest[:8]),
	})
}

// corefile is CoreDNS's configuration. Asking the node's own servers can lead
// back here, which the loop plugin ends.
func (d DNS) corefile() string {
	forward := ""
	if len(d.Upstream) > 0 {
		forward = "    forward . " + strings.Join(d.Upstream, " ") + " {\n        max_concurrent 1000\n    }\n    loop\n"
	}
	return `.:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    kubernetes ` + d.Domain + ` in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus :9153
` + forward + `    cache 30
    loadbalance
}
`
}

// render reads the objects of a manifest. Values go in as JSON, which is
// YAML that nothing can break out of.
func render(name string, values any) ([]Object, error) {
	t, err := template.New(name).Funcs(template.FuncMap{"json": toJSON}).ParseFS(manifests, "manifests/"+name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, values); err != nil {
		return nil, err
	}
	var objects []Object
	for _, doc := range strings.Split(b.String(), "\n---\n") {
		var o Object
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}
