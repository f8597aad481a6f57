package document

import (
	"io"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/fielddiff"
	"github.com/pmkctl/pmkctl/view/wording"
)

// PlanVersion is the version of Plan's document. An addition raises the
// number behind the dot, a change that breaks readers the one before it.
const PlanVersion = "1.2"

// planDocument is a plan as a document for programs. docs/schema/plan.json
// describes it. Lists are never null.
type planDocument struct {
	Version  string               `json:"version"`
	SHA256   string               `json:"sha256"` // of the file: the plan's id
	Pmkctl   saved.Build          `json:"pmkctl"`
	Time     string               `json:"time"` // RFC 3339, UTC
	Who      string               `json:"who"`
	Cluster  planCluster          `json:"cluster"`
	Destroy  bool                 `json:"destroy"` // it takes everything off its hosts
	Hosts    []planHost           `json:"hosts"`
	Absent   []planAbsent         `json:"left_out"`
	Inputs   []string             `json:"inputs"` // to be given again at apply
	Summary  planSummary          `json:"summary"`
	Policies []spec.PolicyVerdict `json:"policies"` // as they judged the plan when it was made
	Steps    []planStep           `json:"steps"`    // all of them, in plan order
}

// planCluster is what the plan is about.
type planCluster struct {
	Name              string `json:"name"`
	KubernetesVersion string `json:"kubernetes_version"`
}

// planHost is a host of the plan.
type planHost struct {
	Name      string   `json:"name"`
	Address   string   `json:"address"`
	Roles     []string `json:"roles"`
	HostKey   string   `json:"host_key"`
	MachineID string   `json:"machine_id"`
	BootID    string   `json:"boot_id"`
	OS        string   `json:"os"`
	Kernel    string   `json:"kernel"`
	Arch      string   `json:"arch"`
	ClusterID string   `json:"cluster_id"` // of its record; "" on a bare host
}

// planAbsent is a host that is not in the plan.
type planAbsent struct {
	Host string `json:"host"`
	Why  string `json:"why"`
}

// planSummary counts steps with changes, and the hosts that they are on.
type planSummary struct {
	Add    int `json:"add"`
	Change int `json:"change"`
	Remove int `json:"remove"`
	Hosts  int `json:"hosts"`
}

// planStep is a step; one without changes has nothing to do.
type planStep struct {
	Addr       address.Addr      `json:"addr"`
	Module     string            `json:"module"`
	Host       string            `json:"host"`    // "" for a step over all hosts
	RunsOn     string            `json:"runs_on"` // the host that does it; most often the same
	Kind       saved.StepKind    `json:"kind"`
	Action     change.Action     `json:"action"` // of the step as a whole; "" if it has nothing to do or is known later
	After      []address.Addr    `json:"after"`
	KnownAfter []address.Addr    `json:"known_after"`
	Source     source            `json:"source"`
	Changes    []any             `json:"changes"`            // a planChange each, or the preflight.Entry of a finding
	Excluded   *change.Exclusion `json:"left_out,omitempty"` // it is excluded, and has no changes
	Replaced   bool              `json:"replaced,omitempty"` // it is done though nothing differs
}

// planChange is a change, and the fields of a file that it changes if they
// say all.
type planChange struct {
	change.Change
	Fields []planField `json:"fields,omitempty"`
}

// planField is a field that differs.
type planField struct {
	Path   string           `json:"path"`
	Action change.Action    `json:"action"`
	Have   *fielddiff.Value `json:"have,omitempty"`
	Want   *fielddiff.Value `json:"want,omitempty"`
	Index  *int             `json:"index,omitempty"` // of an element that a list gains or loses
}

// source is the block of the spec that asked for a step.
type source struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// Plan writes a saved plan as a document.
func Plan(w io.Writer, p *saved.Plan, id string, sum wording.Summary) error {
	return Write(w, newPlan(p, id, sum))
}

func newPlan(p *saved.Plan, id string, sum wording.Summary) planDocument {
	d := planDocument{
		Version: PlanVersion, SHA256: id, Pmkctl: p.Pmkctl, Time: p.Made.UTC().Format(time.RFC3339), Who: p.Who,
		Cluster: planCluster{p.Cluster.Name, p.Cluster.Version}, Destroy: p.Destroy, Hosts: newPlanHosts(p), Absent: []planAbsent{},
		Inputs: append([]string{}, p.Inputs()...), Summary: planSummary(sum), Steps: []planStep{}, Policies: append([]spec.PolicyVerdict{}, p.Policies...),
	}
	for _, h := range p.Cluster.AllHosts() {
		if why, absent := p.Absent[h.Name]; absent {
			d.Absent = append(d.Absent, planAbsent{h.Name, why})
		}
	}
	for _, s := range p.Steps {
		d.Steps = append(d.Steps, newPlanStep(s))
	}
	return d
}

func newPlanHosts(p *saved.Plan) []planHost {
	list := []planHost{}
	for _, h := range p.Hosts {
		doc := planHost{Name: h.Name, Roles: []string{}, HostKey: h.HostKey, MachineID: h.MachineID, BootID: h.BootID,
			OS: h.OS, Kernel: h.Kernel, Arch: h.Arch, ClusterID: h.Record.ID}
		for _, c := range p.Cluster.AllHosts() {
			if c.Name != h.Name {
				continue
			}
			doc.Address, doc.Roles = c.Address.String(), wording.Roles(c)
		}
		list = append(list, doc)
	}
	return list
}

func newPlanStep(s saved.Step) planStep {
	d := change.Diff(s.Diff)
	doc := planStep{Addr: s.Addr, Module: s.Addr.Module, Host: s.Addr.Host, RunsOn: s.RunsOn(), Kind: s.Kind,
		After: append([]address.Addr{}, s.After...), KnownAfter: append([]address.Addr{}, d.Until()...),
		Excluded: s.Excluded, Replaced: s.Replaced,
		Source: source{s.Source.Filename, s.Source.Start.Line}, Changes: []any{}}
	for _, c := range d {
		doc.Changes = append(doc.Changes, planChange{c, newPlanFields(c)})
	}
	for _, f := range s.Findings {
		doc.Changes = append(doc.Changes, f.Entry())
	}
	if s.Kind == saved.Module {
		doc.Action = d.Action()
	}
	return doc
}

func newPlanFields(c change.Change) (list []planField) {
	for _, f := range wording.Fields(c) {
		doc := planField{Path: f.Path, Action: f.Action, Have: f.Have, Want: f.Want}
		if f.Index >= 0 {
			doc.Index = &f.Index
		}
		list = append(list, doc)
	}
	return list
}
