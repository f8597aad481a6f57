package page

// markKey names a risk.
type markKey string

// The marks.
const (
	markDeparts markKey = "leave"
	markRemoval markKey = "removal"
	markForeign markKey = "foreign"
	markGap     markKey = "gap"
	markControl markKey = "control-plane"
	markEtcd    markKey = "etcd"
	markKubelet markKey = "kubelet"
	markRestart markKey = "restart"
	markDrift   markKey = "drift"
	markUnknown markKey = "unknown"
)

// marks are all of them, what matters most first. A reader must not miss the
// grave ones.
var marks = []struct {
	key          markKey
	words, title string // on a step, and of all steps that have it
	grave        bool
}{
	{markDeparts, "host leaves", "Hosts leave the cluster", true},
	{markRemoval, "removes", "Removal", true},
	{markForeign, "replaces foreign", "Replaces what pmkctl did not make", true},
	{markGap, "interrupts", "Interrupts", true},
	{markControl, "control plane", "Control plane", false},
	{markEtcd, "etcd", "etcd", false},
	{markKubelet, "restarts kubelet", "Restart of kubelet", false},
	{markRestart, "restarts", "Other restarts", false},
	{markDrift, "changed on the host", "Changed on the host since the last apply", false},
	{markUnknown, "known later", "Known only during the apply", false},
}

// rank returns the place among all marks.
func (k markKey) rank() int {
	for i, m := range marks {
		if m.key == k {
			return i
		}
	}
	return len(marks)
}

// Words, Title and Grave are for templates; see marks.
func (k markKey) Words() string { return marks[k.rank()].words }
func (k markKey) Title() string { return marks[k.rank()].title }
func (k markKey) Grave() bool   { return marks[k.rank()].grave }

// A riskMark is a mark with all that it is about.
type riskMark struct {
	Key   markKey
	Text  string   // no text of hosts or specs
	Hosts string   // in ranges
	Items []string // a few of what it is about
	More  int      // not in Items
}
