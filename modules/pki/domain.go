package pki

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// Domain returns the cluster domain that the API server's certificate on a
// host was issued for; want if the certificate names several, as extra_sans
// may add. Without a certificate that can be read it returns "".
func Domain(ctx context.Context, h host.Reader, want string) (string, error) {
	const service = "kubernetes.default.svc."
	path := Dir + "apiserver.crt"
	files, err := h.Files(ctx, []host.FileQuery{{Path: path, Content: true}})
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	cert, err := parse(files[0].Content)
	if err != nil {
		return "", nil // absent or damaged: the certificates step reports it
	}
	if slices.Contains(cert.DNSNames, service+want) {
		return want, nil
	}
	for _, name := range cert.DNSNames {
		if domain, ok := strings.CutPrefix(name, service); ok {
			return domain, nil
		}
	}
	return "", nil
}
