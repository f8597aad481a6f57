package modules

import "github.com/pmkctl/pmkctl/host"

// A Footprint is how a component runs on a host and what it leaves there by
// itself, beside what pmkctl writes for it.
type Footprint struct {
	Unit    string // kubelet.service
	Stops   Order
	Places  []Place
	Sysctls []Sysctl
	Mounts  []string         // patterns of the paths that it mounts for pods, see path.Match; one that ends in / is what lies below it
	Links   []string         // network interfaces, bridges after their ports
	Filters host.FilterQuery // parts of the packet filter
}

// A Resident is a module of a component that runs on the host.
type Resident interface {
	Module
	// Footprint does not depend on the settings of the component.
	Footprint() Footprint
}

// An Order is when a service stops on a departing host: lower ones first,
// those of one order by their names.
type Order int

// The orders of stopping.
const (
	BeforeKubelet   Order = iota // what does not say otherwise
	StartsPods                   // the kubelet: once it has stopped, pods stay down
	ServesPods                   // service proxy
	ConnectsPods                 // pod network
	BeforeAPIServer              // clients of the API server on a control-plane host
	ServesAPI                    // the API server
	StoresAPI                    // etcd
	RunsPods                     // the container runtime: it cleans up after containers
)

// A Place is a directory, or a file, in which a component writes by itself.
type Place struct {
	Path   string
	Prefix string // only names that begin with it; "" is all of the place
	Who    string // writes there, for people
	What   string // it is, for people
	Empty  bool   // it may hold files of others, and is removed only without files
	Module string // whose directories, wherever the spec puts them, are such places too; "" if the spec cannot move it
}

// A Sysctl is a kernel setting that a component makes by itself.
type Sysctl struct {
	Name  string // dotted
	Value string // "" if it depends on the host
}
