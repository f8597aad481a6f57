package plan

import (
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/apiserver"
	"github.com/pmkctl/pmkctl/modules/containerd"
	"github.com/pmkctl/pmkctl/modules/controllermanager"
	"github.com/pmkctl/pmkctl/modules/etcd"
	"github.com/pmkctl/pmkctl/modules/flannel"
	"github.com/pmkctl/pmkctl/modules/kubelet"
	"github.com/pmkctl/pmkctl/modules/kubeproxy"
	"github.com/pmkctl/pmkctl/modules/scheduler"
)

// Footprints returns those of all components that pmkctl installs. They do
// not depend on the spec: a departing host may have what no spec names any
// more.
func Footprints() modules.Footprints {
	return modules.Footprints{
		etcd.Etcd{}.Service().Footprint(),
		apiserver.APIServer{}.Service().Footprint(),
		controllermanager.ControllerManager{}.Service().Footprint(),
		scheduler.Scheduler{}.Service().Footprint(),
		containerd.Containerd{}.Service().Footprint(),
		kubelet.Kubelet{}.Service().Footprint(),
		flannel.Flannel{}.Service().Footprint(),
		kubeproxy.Proxy{}.Service().Footprint(),
	}
}
