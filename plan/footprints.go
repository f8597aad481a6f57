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

// Footprints returns the footprints of all services that pmkctl installs. They do
// not depend on the spec, because a departing host may have services that the
// spec does not name any more.
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
