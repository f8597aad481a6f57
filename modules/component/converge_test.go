package component

import (
	"testing"

	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func TestConverges(t *testing.T) {
	m := Module{Sources: &Sources{Dir: t.TempDir()}, Files: []File{
		{Name: "kubelet", Path: "/usr/local/bin/kubelet", Source: local(t, "kubelet"), SHA256: sum("kubelet")},
		{Name: "bridge", Path: "/opt/cni/bin/bridge", Source: local(t, "bridge"), SHA256: sum("bridge")},
		{Name: "portmap", Path: "/opt/cni/bin/portmap", Source: local(t, "portmap"), SHA256: sum("portmap")},
	}}
	moduletest.Converges(t, m)

	newer := Module{Sources: m.Sources, Files: append([]File{}, m.Files...)}
	newer.Files[0].Source, newer.Files[0].SHA256 = local(t, "newer"), sum("newer")
	t.Run("another version", func(t *testing.T) { moduletest.Converges(t, newer, moduletest.Before(m)) })
}
