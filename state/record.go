// Package state keeps what pmkctl knows about a host on the host itself: the
// record of its cluster and of what pmkctl owns there, the originals of what
// stood there before, and the journal of runs. On control-plane hosts it
// keeps the inventory too. There is no state elsewhere that could be lost.
// Modules decide what is done to a host; they are above this package.
package state

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// Where the record is kept, on every host.
const (
	Dir           = "/var/lib/pmkctl"
	RecordPath    = Dir + "/record.json"
	JournalPath   = Dir + "/journal.jsonl"
	olderJournal  = Dir + "/journal.1.jsonl"
	InventoryPath = Dir + "/inventory.json"
	OriginalDir   = Dir + "/original"
)

// recordVersion is the version of the record's format. A record with a
// higher one was written by a newer pmkctl and is refused.
const recordVersion = 1

// A Record is what one host knows about its cluster.
type Record struct {
	Version int              `json:"version"`
	Cluster Cluster          `json:"cluster"`
	Host    string           `json:"host"`
	Owns    map[string]Owned `json:"owns"` // by item: path, unit, sysctl, object
	Stood

	journal int64 // bytes of the journal when the record was loaded
}

// Stood is what stood on a host before pmkctl came, of what components make
// by themselves. It is not removed with the cluster.
type Stood struct {
	Places   map[string][]string `json:"before,omitempty"`   // directories and files, each with the names in it
	Settings map[string]string   `json:"settings,omitempty"` // values of sysctls
	Network  []string            `json:"network,omitempty"`  // interfaces and parts of the packet filter
}

// Cluster is what every host of a cluster agrees on.
type Cluster struct {
	ID        string            `json:"id"` // 32 hex digits, made at the first apply
	Name      string            `json:"name"`
	Immutable map[string]string `json:"immutable,omitempty"` // settings that cannot change on a live cluster: "pod_cidr": "10.244.0.0/16"
}

// Owned is one thing that pmkctl made or changed.
type Owned struct {
	change.Kind
	Step     address.Addr `json:"step"`
	SHA256   string       `json:"sha256,omitempty"`   // of the content as it was written
	Want     string       `json:"want,omitempty"`     // the short value that was set, if it has no content
	Attrs    string       `json:"attrs,omitempty"`    // mode and owner of a file as it was written
	Was      string       `json:"was,omitempty"`      // what SHA256 or Want was before, while a step runs; "nothing" if the thing is new
	Original string       `json:"original,omitempty"` // where the thing that stood there before is kept, or its value; "" if there was none
}

// emptyValue is the Original of a setting that had no value.
const emptyValue = "(empty)"

// Before returns the value that Original stands for.
func (o Owned) Before() string {
	if o.Original == emptyValue {
		return ""
	}
	return o.Original
}

// Membership is the item that the record itself stands for.
const Membership = "cluster membership"

// NewClusterID returns a new random id.
func NewClusterID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand.Read
	return hex.EncodeToString(b)
}

// Load reads a host's record. The record of a host without one is empty and
// has no cluster id.
func Load(ctx context.Context, h host.FileReader) (*Record, error) {
	files, err := h.Files(ctx, []host.FileQuery{{Path: RecordPath, Content: true}, {Path: JournalPath}})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", RecordPath, err)
	}
	r := &Record{Version: recordVersion, Owns: map[string]Owned{}, journal: files[1].Size}
	if files[0].Type == host.Absent {
		return r, nil
	}
	if err := json.Unmarshal(files[0].Content, r); err != nil {
		return nil, fmt.Errorf("parse %s: %w; restore it from a backup, or remove it if the host is to be set up anew", RecordPath, err)
	}
	if r.Version > recordVersion {
		return nil, fmt.Errorf("%s has version %d, this pmkctl knows %d: use a newer pmkctl", RecordPath, r.Version, recordVersion)
	}
	if r.Owns == nil {
		r.Owns = map[string]Owned{}
	}
	r.sortSettings()
	r.forgetWaits()
	return r, nil
}

// sortSettings gives settings their kinds: records of former versions call
// sysctls, kernel modules and the membership by one word.
func (r *Record) sortSettings() {
	for item, o := range r.Owns {
		switch {
		case o.Kind != change.Kind{Class: change.Sysctl.Class}:
			continue
		case item == Membership:
			o.Kind = change.Membership
		case strings.Contains(item, "."): // as no name of a kernel module does
			o.Kind = change.Sysctl
		default:
			o.Kind = change.KernelModule
		}
		r.Owns[item] = o
	}
}

// forgetWaits drops what steps of former versions waited for from the objects
// that they waited for: it was never a value that pmkctl set.
func (r *Record) forgetWaits() {
	for item, o := range r.Owns {
		if o.Kind == change.Object && (o.Want == "available" || o.Want == "Ready") {
			o.Want = ""
			r.Owns[item] = o
		}
	}
}

// Save writes the record.
func (r *Record) Save(ctx context.Context, h host.FileWriter) error {
	if err := h.MakeDir(ctx, host.DirSpec{Path: Dir, Mode: 0o755}); err != nil {
		return fmt.Errorf("make %s: %w", Dir, err)
	}
	if err := h.WriteFile(ctx, host.FileSpec{Path: RecordPath, Mode: 0o600, Content: r.encode()}); err != nil {
		return fmt.Errorf("write %s: %w", RecordPath, err)
	}
	return nil
}

func (r *Record) encode() []byte {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // strings and maps of strings always encode
	}
	return append(b, '\n')
}

// Mark returns d with two marks: changes that overwrite what pmkctl did not
// make get the action Replace, and changes that find something else than
// pmkctl wrote have drift.
func (r *Record) Mark(d change.Diff) change.Diff {
	marked := slices.Clone(d)
	for i, c := range marked {
		o, ours := r.Owns[c.Item]
		marked[i].Drift = c.Drift || ours && !c.Redo && o.drifted(c)
		if c.Keeps() == change.AsCopy && c.Action == change.Update && !ours {
			marked[i].Action = change.Replace
		}
	}
	return marked
}

// adopt takes into the record what step is about to change, and returns the
// items whose originals must be kept first.
func (r *Record) adopt(step address.Addr, d change.Diff) (keep []string) {
	for _, c := range d {
		have, ours := r.Owns[c.Item]
		if c.Action == change.Remove && (ours || c.Keeps() != change.AsCopy) {
			continue // dropped once it is removed; what components made is never put back
		}
		o := Owned{Kind: c.Kind, Step: step, Attrs: have.Attrs, Original: have.Original, Was: have.was(ours)}
		o.SHA256, o.Want = wrote(c)
		switch {
		case ours && (c.Volatile || c.DriftsBy() == change.ByAttrs):
			continue // the entry of the step that made it is kept: this step waits for it, or sets its mode
		case ours:
			// An interrupted run may have put the original back and not noted it.
			// An original that is still kept is not replaced.
			if c.Content() == change.Written && c.Have != "" && have.Original == OriginalPath(c.Item) && have.differs(have.SHA256, digest(c.Have)) {
				keep = append(keep, c.Item)
			}
		case c.Keeps() == change.Theirs && c.Action == change.Update:
			continue
		case c.Keeps() == change.AsCopy && (c.Have != "" || c.Action != change.Add):
			keep = append(keep, c.Item)
			o.Original = OriginalPath(c.Item)
		case c.Keeps() == change.AsValue:
			o.Original = c.Have
			if c.Action == change.Update && c.Have == "" {
				o.Original = emptyValue
			}
		}
		r.Owns[c.Item] = o
	}
	return keep
}

// OriginalPath returns where the file that stood at p before pmkctl is kept.
func OriginalPath(p string) string { return path.Join(OriginalDir, p) }

// clone returns a copy that can be changed alone.
func (r *Record) clone() *Record {
	c := *r
	c.Owns = maps.Clone(r.Owns)
	return &c
}

// drop takes what a step removed out of the record. A unit is dropped with
// its file: if it was only stopped, it may have to become what it was before
// pmkctl.
func (r *Record) drop(d change.Diff) {
	for _, c := range d {
		if c.Action == change.Remove && c.Kind != change.Unit {
			delete(r.Owns, c.Item)
		}
	}
	for _, c := range d {
		if _, file := r.Owns[change.UnitFile(c.Item)]; c.Action == change.Remove && c.Kind == change.Unit && !file {
			delete(r.Owns, c.Item)
		}
	}
}

// Wrote notes new content of a file that the record owns, which no change of
// a step is about. Without it the new content would be drift.
func (r *Record) Wrote(item string, content []byte) {
	if o, ours := r.Owns[item]; ours {
		o.SHA256 = digest(string(content))
		r.Owns[item] = o
	}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
