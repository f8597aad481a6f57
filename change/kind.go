package change

import "slices"

// Kind is the sort of thing that a change is about. In JSON it is the field
// kind; the kinds of the word setting have the field setting beside it.
type Kind struct {
	Class   string `json:"kind"`
	Setting string `json:"setting,omitempty"`
}

// The kinds. What each is like is told by its row in kinds.
var (
	Text         = Kind{Class: "file"}
	Attr         = Kind{Class: "attributes"} // mode, owner or type of a path
	Directory    = Kind{Class: "directory"}
	Symlink      = Kind{Class: "link"}
	Transfer     = Kind{Class: "transfer"} // a file that comes by digest
	Unit         = Kind{Class: "unit"}     // state of a systemd unit
	Sysctl       = Kind{Class: "setting", Setting: "sysctl"}
	KernelModule = Kind{Class: "setting", Setting: "kernel_module"}
	Membership   = Kind{Class: "setting", Setting: "membership"} // of a host in the cluster
	Network      = Kind{Class: "setting"}                        // interfaces, routes and packet filter as components made them
	Account      = Kind{Class: "user"}
	PrivKey      = Kind{Class: "key"}
	Cert         = Kind{Class: "certificate"}
	Image        = Kind{Class: "image"}
	Object       = Kind{Class: "object"} // of the Kubernetes API
)

// row is what programs ask about a kind. The zero value of a column is what
// is true of most kinds.
type row struct {
	Kind
	noun     Noun
	path     bool // the item is a path of the host's file system
	content  Content
	original Original
	drift    Drift
	settled  bool // only an operator changes it: it does not move by itself
	moves    bool // it moves by itself, as a service does that fails
	lines    bool // Have and Want may be many lines, and are shown line by line
	inAPI    bool // it is in the Kubernetes API and not on a host
	atLeast  bool // more than what is wanted may serve as well
}

// kinds is the one place that knows what a kind is like. Its order is the
// order in which people count what a step has of each.
var kinds = []row{
	{Kind: Directory, noun: Noun{"directory", "directories"}, path: true, original: AsValue, settled: true},
	{Kind: Text, noun: Noun{"file", "files"}, path: true, content: Written, original: AsCopy, drift: ByContent, settled: true, lines: true},
	{Kind: Transfer, noun: Noun{"file by digest", "files by digest"}, path: true, content: Sent, original: AsCopy, drift: ByDigest, settled: true},
	{Kind: Symlink, noun: Noun{"link", "links"}, path: true, original: AsCopy, settled: true},
	{Kind: Attr, noun: Noun{"mode", "modes"}, path: true, content: OnHost, original: AsCopy, drift: ByAttrs, settled: true},
	{Kind: Sysctl, noun: setting, original: AsValue, atLeast: true},
	{Kind: KernelModule, noun: setting, original: AsValue},
	{Kind: Membership, noun: setting, original: AsValue},
	{Kind: Network, noun: setting, original: AsValue},
	{Kind: Account, noun: Noun{"user", "users"}, original: AsValue, settled: true},
	{Kind: PrivKey, noun: Noun{"key", "keys"}, path: true, content: Hidden, original: Theirs, drift: Never},
	{Kind: Cert, noun: Noun{"certificate", "certificates"}, path: true, content: OnHost, original: AsCopy, drift: Never},
	{Kind: Image, noun: Noun{"image", "images"}, content: Sent, drift: Never},
	{Kind: Object, noun: Noun{"object", "objects"}, lines: true, inAPI: true},
	{Kind: Unit, original: AsValue, drift: ByState, moves: true},
}

// setting is what people call all of these kinds.
var setting = Noun{"setting", "settings"}

// Noun is what people call the things of a kind when they count them. The
// zero Noun is of things that are called by their own names.
type Noun struct{ One, Many string }

// Nouns lists the nouns, each once, in the order of counting.
func Nouns() []Noun {
	var list []Noun
	for _, r := range kinds {
		if r.noun != (Noun{}) && !slices.Contains(list, r.noun) {
			list = append(list, r.noun)
		}
	}
	return list
}

// Content is where the content of a thing comes from, and with it how its
// digest is known.
type Content int

// The contents.
const (
	NoContent Content = iota // it has none
	Written                  // Want is the content
	OnHost                   // only the host has it: its digest is read there
	Sent                     // it is sent, and SHA256 is its digest; Want says no more than that
	Hidden                   // it stays on the host, and so does its digest
)

// Original is how a record keeps what stood in the place of a thing before
// pmkctl came.
type Original int

// The ways.
const (
	NotKept Original = iota // there is nothing to put back
	AsCopy                  // a copy of the file
	AsValue                 // the value of Have
	Theirs                  // what stood there stays in use and never becomes pmkctl's
)

// Drift is what tells that a thing is not as pmkctl left it.
type Drift int

// The ways.
const (
	ByValue   Drift = iota // Have is not the value that was set
	ByContent              // the digest of Have is not that of the content
	ByDigest               // HaveSHA256 is not the digest of what was sent
	ByAttrs                // mode or owner differs
	ByState                // the state of the unit differs
	Never                  // a difference is not a change by hand, or other kinds show it
)

func (k Kind) row() row {
	if i := slices.IndexFunc(kinds, func(r row) bool { return r.Kind == k }); i >= 0 {
		return kinds[i]
	}
	return row{Kind: k}
}

// Noun returns the word to count things of this kind with.
func (k Kind) Noun() Noun { return k.row().noun }

// IsPath reports whether the item is a path of the host's file system.
func (k Kind) IsPath() bool { return k.row().path }

// IsFile reports whether the item is the path of a file with content.
func (k Kind) IsFile() bool { r := k.row(); return r.path && r.content != NoContent }

// Content returns where its content comes from.
func (k Kind) Content() Content { return k.row().content }

// Keeps returns how what stood there before is kept.
func (k Kind) Keeps() Original { return k.row().original }

// DriftsBy returns what tells that it is not as pmkctl left it.
func (k Kind) DriftsBy() Drift { return k.row().drift }

// IsSettled reports whether only an operator changes it: what was planned
// for it is still so when the plan is applied, or somebody interfered.
func (k Kind) IsSettled() bool { return k.row().settled }

// HasLines reports whether Have and Want may be whole texts.
func (k Kind) HasLines() bool { return k.row().lines }

// InAPI reports whether it is in the Kubernetes API, of which no record of a
// host has all.
func (k Kind) InAPI() bool { return k.row().inAPI }

// AtLeast reports whether more than the wanted value may serve as well; only
// the module that wants it can tell.
func (k Kind) AtLeast() bool { return k.row().atLeast }
