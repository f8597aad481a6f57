package plan

import "github.com/pmkctl/pmkctl/address"

// Purpose returns a sentence about the work of a module's steps; "" if no plan has
// such a module.
func Purpose(module string) string { return purposes[module] }

var purposes = map[string]string{
	"preflight":               "Looks if the host is fit for its part in the cluster; changes nothing.",
	"connectivity":            "Binds all ports and tries every pair of hosts; changes nothing.",
	"gate":                    "Lets no change begin before all checks have passed.",
	"member":                  "Makes the host a member of the cluster: its record says what pmkctl owns there.",
	"kernel":                  "Loads kernel modules and sets what containers and the pod network need of the kernel.",
	"accounts":                "Makes the users that services run as, and the directories that are theirs.",
	"programs":                "Brings the programs of the host's roles, by digest.",
	"ca":                      "Makes the cluster's certificate authority, whose key stays on this host.",
	"front-proxy-ca":          "Makes the authority for extension API servers.",
	"etcd-ca":                 "Makes the authority for etcd and its clients.",
	"service-accounts":        "Makes the key that signs the tokens of service accounts.",
	"trust":                   "Brings the certificates of the authorities that the host is to trust.",
	"certificates":            "Makes the host's keys and has their certificates signed.",
	"kubeconfigs":             "Tells the host's components where the API server is and who they are.",
	"etcd":                    "Runs the host's member of etcd, where the cluster's state is.",
	"kube-apiserver":          "Runs the API server.",
	"kube-controller-manager": "Runs the controllers, which among other things give nodes their pod networks.",
	"kube-scheduler":          "Runs the scheduler.",
	"rbac":                    "Allows flannel, kubelets and administrators what they need.",
	"containerd":              "Runs the container runtime.",
	"images":                  "Brings the images that a node needs before it can pull any.",
	"kubelet":                 "Runs the kubelet, which makes the host a node.",
	"kube-proxy":              "Runs the service proxy.",
	"flannel":                 "Runs the pod network.",
	"node":                    "Gives the Node its labels and taints and waits until it is Ready.",
	"coredns":                 "Makes the objects of the cluster's DNS.",
	"dns":                     "Waits until the cluster's DNS answers.",
	"leftovers":               "Removes what pmkctl made on the host and what nothing asks for any more.",
	"drain":                   "Keeps new pods off a node that leaves, and moves those that are there.",
	"etcd-leave":              "Takes the member of a host that leaves out of etcd, if a majority stays.",
	"delete-node":             "Deletes the Node of a host that left.",
	"forget":                  "Takes a host that left out of the inventory.",
	"stop":                    "Stops all that pmkctl runs on a host that leaves.",
	"clean":                   "Removes what pmkctl and its components made on a host that leaves, and puts back what stood there.",
	"leave":                   "Ends the host's membership: its record goes.",
}

// Before returns the steps that must be done before a step: those that it names
// itself, and all.
func (g *Graph) Before(a address.Addr) (direct, all []address.Addr) { return g.walk(a, g.edges(false)) }

// Behind returns the steps that wait for a step: those that name it, and all.
func (g *Graph) Behind(a address.Addr) (direct, all []address.Addr) { return g.walk(a, g.edges(true)) }

// edges returns for each step the steps that it waits for, or with behind the
// steps that wait for it.
func (g *Graph) edges(behind bool) map[address.Addr][]address.Addr {
	known := map[address.Addr]bool{}
	edges := map[address.Addr][]address.Addr{}
	for _, s := range g.Steps {
		known[s.Addr] = true
		for _, a := range s.After {
			switch {
			case !known[a]: // its host is absent
			case behind:
				edges[a] = append(edges[a], s.Addr)
			default:
				edges[s.Addr] = append(edges[s.Addr], a)
			}
		}
	}
	return edges
}

// walk follows edges and returns the steps that it reaches, in plan order.
func (g *Graph) walk(from address.Addr, edges map[address.Addr][]address.Addr) (direct, all []address.Addr) {
	near, seen := map[address.Addr]bool{}, map[address.Addr]bool{from: true}
	for _, a := range edges[from] {
		near[a] = true
	}
	for todo := []address.Addr{from}; len(todo) > 0; todo = todo[1:] {
		for _, a := range edges[todo[0]] {
			if !seen[a] {
				seen[a] = true
				todo = append(todo, a)
			}
		}
	}
	for _, s := range g.Steps {
		if near[s.Addr] {
			direct = append(direct, s.Addr)
		}
		if seen[s.Addr] && s.Addr != from {
			all = append(all, s.Addr)
		}
	}
	return direct, all
}
