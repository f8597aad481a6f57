package view

import (
	"encoding/json"
	"io"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/fielddiff"
)

// PlanVersion is the version of PlanDoc: what is added counts up behind the
// dot, what a reader would stumble over before it.
const PlanVersion = "1.2"

// PlanDoc is a plan as a document for programs. docs/schema/plan.json
// describes it. Lists are never null.
type PlanDoc struct {
	Version  string         `json:"version"`
	SHA256   string         `json:"sha256"` // of the file: the plan's id
	Pmkctl   saved.Build    `json:"pmkctl"`
	Time     string         `json:"time"` // RFC 3339, UTC
	Who      string         `json:"who"`
	Cluster  PlanDocCluster `json:"cluster"`
	Destroy  bool           `json:"destroy"` // it takes everything off its hosts
	Hosts    []PlanDocHost  `json:"hosts"`
	LeftOut  []PlanDocLeft  `json:"left_out"`
	Inputs   []string       `json:"inputs"` // to be given again at apply
	Summary  PlanDocSummary `json:"summary"`
	Policies []spec.Verdict `json:"policies"` // as they judged the plan when it was made
	Steps    []PlanDocStep  `json:"steps"`    // all of them, in plan order
}

// PlanDocCluster is what the plan is about.
type PlanDocCluster struct {
	Name              string `json:"name"`
	KubernetesVersion string `json:"kubernetes_version"`
}

// PlanDocHost is a host that the plan is for.
type PlanDocHost struct {
	Name      string   `json:"name"`
	Address   string   `json:"address"`
	Roles     []string `json:"roles"`
	HostKey   string   `json:"host_key"`
	MachineID string   `json:"machine_id"`
	BootID    string   `json:"boot_id"`
	OS        string   `json:"os"`
	Kernel    string   `json:"kernel"`
	Arch      string   `json:"arch"`
	ClusterID string   `json:"cluster_id"` // that its record has; "" on a bare host
}

// PlanDocLeft is a host that the plan does without.
type PlanDocLeft struct {
	Host string `json:"host"`
	Why  string `json:"why"`
}

// PlanDocSummary counts steps with changes, and the hosts that they are on.
type PlanDocSummary struct {
	Add    int `json:"add"`
	Change int `json:"change"`
	Remove int `json:"remove"`
	Hosts  int `json:"hosts"`
}

// PlanDocStep is a step; one without changes has nothing to do.
type PlanDocStep struct {
	Addr       address.Step    `json:"addr"`
	Module     string          `json:"module"`
	Host       string          `json:"host"`    // "" for a step over all hosts
	RunsOn     string          `json:"runs_on"` // the host that does it; most often the same
	Kind       saved.Kind      `json:"kind"`
	Action     change.Action   `json:"action"` // of the step as a whole; "" if it has nothing to do or is known later
	After      []address.Step  `json:"after"`
	KnownAfter []address.Step  `json:"known_after"`
	Source     PlanDocSource   `json:"source"`
	Changes    []PlanDocChange `json:"changes"`
	LeftOut    *plan.Left      `json:"left_out,omitempty"` // it is not to be done, and has no changes
	Replaced   bool            `json:"replaced,omitempty"` // it is done though nothing differs
}

// PlanDocChange is a change, and what it changes of a file by field where
// fields tell all.
type PlanDocChange struct {
	change.Change
	Fields []PlanDocField `json:"fields,omitempty"`
}

// PlanDocField is a field that differs.
type PlanDocField struct {
	Path   string           `json:"path"`
	Action change.Action    `json:"action"`
	Have   *fielddiff.Value `json:"have,omitempty"`
	Want   *fielddiff.Value `json:"want,omitempty"`
	Index  *int             `json:"index,omitempty"` // of a list's element that comes or goes
}

// PlanDocSource is the block of the spec that asked for a step.
type PlanDocSource struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// SavedJSON writes a saved plan as a document.
func SavedJSON(w io.Writer, p *saved.Plan, id string) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(planDoc(p, id))
}

func planDoc(p *saved.Plan, id string) PlanDoc {
	d := PlanDoc{
		Version: PlanVersion, SHA256: id, Pmkctl: p.Pmkctl, Time: p.Made.UTC().Format(time.RFC3339), Who: p.Who,
		Cluster: PlanDocCluster{p.Cluster.Name, p.Cluster.Version}, Destroy: p.Destroy, Hosts: planHosts(p), LeftOut: []PlanDocLeft{},
		Inputs: append([]string{}, p.Inputs()...), Summary: PlanDocSummary(executor.Saved(p).Summary()), Steps: []PlanDocStep{}, Policies: append([]spec.Verdict{}, p.Policies...),
	}
	for _, h := range p.Cluster.Everyone() {
		if why, left := p.Left[h.Name]; left {
			d.LeftOut = append(d.LeftOut, PlanDocLeft{h.Name, why})
		}
	}
	for _, s := range p.Steps {
		d.Steps = append(d.Steps, planStep(s))
	}
	return d
}

func planHosts(p *saved.Plan) []PlanDocHost {
	list := []PlanDocHost{}
	for _, h := range p.Hosts {
		doc := PlanDocHost{Name: h.Name, Roles: []string{}, HostKey: h.HostKey, MachineID: h.MachineID, BootID: h.BootID,
			OS: h.OS, Kernel: h.Kernel, Arch: h.Arch, ClusterID: h.Record.ID}
		for _, c := range p.Cluster.Everyone() {
			if c.Name != h.Name {
				continue
			}
			doc.Address = c.Address.String()
			for _, r := range c.Roles {
				doc.Roles = append(doc.Roles, string(r))
			}
		}
		list = append(list, doc)
	}
	return list
}

func planStep(s saved.Step) PlanDocStep {
	d := change.Diff(s.Diff)
	doc := PlanDocStep{Addr: s.Addr, Module: s.Addr.Module, Host: s.Addr.Host, RunsOn: s.RunsOn(), Kind: s.Kind,
		After: append([]address.Step{}, s.After...), KnownAfter: append([]address.Step{}, d.Until()...),
		LeftOut: s.Left, Replaced: s.Replaced,
		Source: PlanDocSource{s.Source.Filename, s.Source.Start.Line}, Changes: []PlanDocChange{}}
	for _, c := range d {
		doc.Changes = append(doc.Changes, PlanDocChange{c, planFields(c)})
	}
	if s.Kind == saved.Module {
		doc.Action = d.Action()
	}
	return doc
}

func planFields(c change.Change) (list []PlanDocField) {
	for _, f := range Fields(c) {
		doc := PlanDocField{Path: f.Path, Action: f.Action, Have: f.Have, Want: f.Want}
		if f.Index >= 0 {
			doc.Index = &f.Index
		}
		list = append(list, doc)
	}
	return list
}
