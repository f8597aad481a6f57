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

// RBAC returns the permissions for pmkctl's own identities: the users
// system:flannel and kube-apiserver-kubelet-client, and kubelets that rotate their
// client certificates.
func RBAC() ([]Object, error) { return render("rbac.yaml", nil) }

// DNS is the cluster's DNS.
type DNS struct {
	Image     string
	ClusterIP netip.Addr // of the Service; see DNSAddress
	Domain    string     // cluster.local
	Replicas  int        // 0 is 2
	// Upstream are the servers for other domains: addresses, or /etc/resolv.conf
	// for those of the node. If it is empty, such names do not resolve.
	Upstream []string
	Corefile string // replaces ours; "" is ours
}

// DNSAddress returns the tenth address of the Services' range, where clients expect
// the DNS. It is not valid if the range is too small.
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

// CoreDNS returns the objects of the cluster's DNS. The Deployment is
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

// corefile returns the configuration of CoreDNS. The servers of the node may forward
// to CoreDNS again; the plugin loop stops CoreDNS then.
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

// render returns the objects of a manifest. Values are inserted as JSON: it is YAML
// too, and no value can end its own quotes.
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
