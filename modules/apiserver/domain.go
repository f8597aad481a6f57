package apiserver

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

const (
	unit       = "kube-apiserver.service"
	issuerFlag = "service-account-issuer"
	issuerOf   = "https://kubernetes.default.svc." // followed by the cluster domain
)

var issuer = regexp.MustCompile(`--` + issuerFlag + `=([^\s"]+)`)

// Domain returns the cluster domain in the issuer of pods' tokens that the
// host's API server runs with. It is "" if the spec passed an issuer through,
// which does not depend on the domain.
func Domain(ctx context.Context, h host.Reader) (string, error) {
	path := change.UnitFile(unit)
	files, err := h.Files(ctx, []host.FileQuery{{Path: path, Content: true}})
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	found := issuer.FindSubmatch(files[0].Content)
	if found == nil {
		return "", fmt.Errorf("read the domain that the cluster runs with: %s has no --%s; put the file back as it was, "+
			"or with only the line \"ExecStart=/usr/local/bin/kube-apiserver --%s=%sDOMAIN\" and the cluster's domain in it: the next apply writes the rest",
			path, issuerFlag, issuerFlag, issuerOf)
	}
	domain, ours := strings.CutPrefix(string(found[1]), issuerOf)
	if !ours {
		return "", nil
	}
	return domain, nil
}
