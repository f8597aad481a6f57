package modules

import "github.com/pmkctl/pmkctl/host"

// A Footprint is how a service runs on a host, and what it makes there by itself,
// in addition to what pmkctl writes for it.
type Footprint struct {
	Unit    string // kubelet.service
	Stops   Order
	Places  []Place
	Sysctls []Sysctl
	Mounts  []string         // patterns of the paths that it mounts for pods, see path.Match; one that ends in / stands for all below it
	Links   []string         // network interfaces, bridges after their ports
	Filters host.FilterQuery // parts of the packet filter
}

// A Resident is a module of a service that runs on the host.
type Resident interface {
	Module
	// Footprint does not depend on the settings of the service.
	Footprint() Footprint
}

// An Order is when a service stops on a departing host: lower orders first, and
// services of the same order by their names.
type Order int

// The orders of stopping.
const (
	BeforeKubelet   Order = iota // the default
	StartsPods                   // the kubelet: once it has stopped, pods stay down
	ServesPods                   // service proxy
	ConnectsPods                 // pod network
	BeforeAPIServer              // clients of the API server on a control-plane host
	ServesAPI                    // the API server
	StoresAPI                    // etcd
	RunsPods                     // the container runtime: it cleans up after containers
)

// A Place is a file, or a directory, that a service writes by itself.
type Place struct {
	Path   string
	Prefix string // only names that begin with it; "" is everything in the directory
	Who    string // the writer, for people
	What   string // the content, for people
	Empty  bool   // other programs may have files there: it is removed only if it has none
	Module string // the module whose spec can move the directory: wherever it is then, it is such a place too; "" if it cannot move
}

// A Sysctl is a kernel setting that a service makes by itself.
type Sysctl struct {
	Name  string // dotted
	Value string // "" if it depends on the host
}
