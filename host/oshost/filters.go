package oshost

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// The kinds of host.Filter.
const (
	kindNFT    = "nftables"
	kindLegacy = "iptables-legacy"
	kindIPSet  = "ipset"
)

// Filters lists what matches q. Today's iptables keeps its chains in
// nftables, so they are read and removed there, whatever programs the host
// has. The older iptables needs its own programs.
func (h *Host) Filters(ctx context.Context, q host.FilterQuery) ([]host.Filter, error) {
	parts, err := h.nftParts(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list the packet filter: %w", err)
	}
	var out []host.Filter
	for _, p := range parts {
		out = append(out, host.Filter{Kind: kindNFT, Family: familyName(p.family), Table: p.table, Chains: len(p.chains), Whole: p.whole})
	}
	tables, err := h.legacyTables(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list the packet filter: %w", err)
	}
	for _, t := range tables {
		out = append(out, host.Filter{Kind: kindLegacy, Family: t.family, Table: t.name, Chains: len(t.chains)})
	}
	sets, err := h.ipsets(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list ipsets: %w", err)
	}
	for _, s := range sets {
		out = append(out, host.Filter{Kind: kindIPSet, Table: s})
	}
	return out, nil
}

// ClearFilters removes what Filters lists. ipsets come last, because rules
// use them.
func (h *Host) ClearFilters(ctx context.Context, q host.FilterQuery) error {
	parts, err := h.nftParts(ctx, q)
	if err != nil {
		return fmt.Errorf("list the packet filter: %w", err)
	}
	for _, p := range parts {
		if err := p.clear(); err != nil {
			return fmt.Errorf("clear nftables table %s %s: %w", familyName(p.family), p.table, err)
		}
	}
	tables, err := h.legacyTables(ctx, q)
	if err != nil {
		return fmt.Errorf("list the packet filter: %w", err)
	}
	for _, t := range tables {
		if err := h.clearLegacy(ctx, t); err != nil {
			return err
		}
	}
	sets, err := h.ipsets(ctx, q)
	if err != nil {
		return fmt.Errorf("list ipsets: %w", err)
	}
	for _, s := range sets {
		if err := netlink.IpsetDestroy(s); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("destroy ipset %s: %w", s, err)
		}
	}
	return nil
}

// ipsets returns the ipsets with the prefixes of q. If the kernel has no
// ipsets it is not asked, because that would load them.
func (h *Host) ipsets(ctx context.Context, q host.FilterQuery) ([]string, error) {
	f, err := h.KernelFeatures(ctx, []string{"ip_set"})
	if err != nil || !f[0].Present {
		return nil, err
	}
	sets, err := netlink.IpsetListAll()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range sets {
		if begins(s.SetName, q.Chains) {
			names = append(names, s.SetName)
		}
	}
	slices.Sort(names)
	return names, nil
}

func begins(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return p != "" && strings.HasPrefix(name, p) })
}

// An nftPart is what matches a query in one table of nftables.
type nftPart struct {
	family uint8
	table  string
	whole  bool     // the table itself matches
	chains []string // chains that match
	others []string // all other chains, which may jump to those
}

func familyName(f uint8) string {
	switch f {
	case unix.NFPROTO_ARP:
		return "arp"
	case unix.NFPROTO_BRIDGE:
		return "bridge"
	case unix.NFPROTO_NETDEV:
		return "netdev"
	}
	return families[f]
}

func (h *Host) nftParts(ctx context.Context, q host.FilterQuery) ([]*nftPart, error) {
	f, err := h.KernelFeatures(ctx, []string{"nf_tables"})
	if err != nil || !f[0].Present {
		return nil, err
	}
	tables, err := nftDump(unix.NFT_MSG_GETTABLE, unix.NFT_MSG_NEWTABLE, unix.NFPROTO_UNSPEC)
	if err != nil {
		return nil, err
	}
	var parts []*nftPart
	for _, m := range tables {
		if len(m) == 0 {
			continue
		}
		name := attrText(attributes(m, nl.SizeofNfgenmsg)[unix.NFTA_TABLE_NAME])
		parts = append(parts, &nftPart{family: m[0], table: name, whole: slices.Contains(q.Tables, name)})
	}
	chains, err := nftDump(unix.NFT_MSG_GETCHAIN, unix.NFT_MSG_NEWCHAIN, unix.NFPROTO_UNSPEC)
	if err != nil {
		return nil, err
	}
	for _, m := range chains {
		a := attributes(m, nl.SizeofNfgenmsg)
		table, name := attrText(a[unix.NFTA_CHAIN_TABLE]), attrText(a[unix.NFTA_CHAIN_NAME])
		i := slices.IndexFunc(parts, func(p *nftPart) bool { return len(m) > 0 && p.family == m[0] && p.table == table })
		if i < 0 {
			continue // the table was made after tables were listed
		}
		if p := parts[i]; p.whole || begins(name, q.Chains) {
			p.chains = append(p.chains, name)
		} else {
			p.others = append(p.others, name)
		}
	}
	parts = slices.DeleteFunc(parts, func(p *nftPart) bool { return !p.whole && len(p.chains) == 0 })
	slices.SortFunc(parts, func(a, b *nftPart) int {
		if a.family != b.family {
			return int(a.family) - int(b.family)
		}
		return strings.Compare(a.table, b.table)
	})
	return parts, nil
}

// clear deletes the table; or it deletes, in this order, the rules that jump
// to the chains, the rules in the chains, and the chains.
func (p *nftPart) clear() error {
	text := func(kind int, s string) *nl.RtAttr { return nl.NewRtAttr(kind, nl.ZeroTerminated(s)) }
	if p.whole {
		return nftBatch([]nftChange{{unix.NFT_MSG_DELTABLE, p.family, []*nl.RtAttr{text(unix.NFTA_TABLE_NAME, p.table)}}})
	}
	var changes []nftChange
	for _, chain := range p.others {
		rules, err := nftDump(unix.NFT_MSG_GETRULE, unix.NFT_MSG_NEWRULE, p.family,
			text(unix.NFTA_RULE_TABLE, p.table), text(unix.NFTA_RULE_CHAIN, chain))
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
		for _, r := range rules {
			a := attributes(r, nl.SizeofNfgenmsg)
			if slices.Contains(p.chains, jumpsTo(a[unix.NFTA_RULE_EXPRESSIONS])) {
				changes = append(changes, nftChange{unix.NFT_MSG_DELRULE, p.family, []*nl.RtAttr{
					text(unix.NFTA_RULE_TABLE, p.table), text(unix.NFTA_RULE_CHAIN, chain), nl.NewRtAttr(unix.NFTA_RULE_HANDLE, a[unix.NFTA_RULE_HANDLE])}})
			}
		}
	}
	for _, chain := range p.chains {
		changes = append(changes, nftChange{unix.NFT_MSG_DELRULE, p.family, []*nl.RtAttr{
			text(unix.NFTA_RULE_TABLE, p.table), text(unix.NFTA_RULE_CHAIN, chain)}})
	}
	for _, chain := range p.chains {
		changes = append(changes, nftChange{unix.NFT_MSG_DELCHAIN, p.family, []*nl.RtAttr{
			text(unix.NFTA_CHAIN_TABLE, p.table), text(unix.NFTA_CHAIN_NAME, chain)}})
	}
	for part := range slices.Chunk(changes, 500) {
		if err := nftBatch(part); err != nil {
			return err
		}
	}
	return nil
}

// jumpsTo returns the chain that a rule jumps or goes to; "" if none.
func jumpsTo(expressions []byte) string {
	for _, expr := range list(expressions) {
		e := nested(expr)
		if attrText(e[unix.NFTA_EXPR_NAME]) != "immediate" {
			continue
		}
		v := nested(nested(nested(e[unix.NFTA_EXPR_DATA])[unix.NFTA_IMMEDIATE_DATA])[unix.NFTA_DATA_VERDICT])
		if chain := attrText(v[unix.NFTA_VERDICT_CHAIN]); chain != "" {
			return chain
		}
	}
	return ""
}

// An nftChange is a message that changes nftables.
type nftChange struct {
	kind   int
	family uint8
	attrs  []*nl.RtAttr
}

// Batches begin and end with messages of their own; linux/netfilter/nfnetlink.h.
const (
	batchBegin = unix.NLMSG_MIN_TYPE
	batchEnd   = unix.NLMSG_MIN_TYPE + 1
)

// nftBatch makes all changes or none. It returns errMoved if something that
// it changes was deleted in the meantime.
func nftBatch(changes []nftChange) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	to := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err := errors.Join(unix.Bind(fd, to), unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)); err != nil {
		return err
	}
	msg := nftMessage(0, batchBegin, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, nil)
	for i, c := range changes {
		msg = append(msg, nftMessage(uint32(i+1), unix.NFNL_SUBSYS_NFTABLES<<8|c.kind, unix.NLM_F_ACK, c.family, 0, c.attrs)...)
	}
	msg = append(msg, nftMessage(uint32(len(changes)+1), batchEnd, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, nil)...)
	if err := unix.Sendto(fd, msg, 0, to); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	return nftAnswers(fd, len(changes))
}

// nftAnswers reads an answer for each of n messages. If the kernel refuses
// the batch as a whole, one error is the only answer.
func nftAnswers(fd, n int) error {
	buf := make([]byte, 1<<16)
	for answered := 0; answered < n; {
		size, _, err := unix.Recvfrom(fd, buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("recvfrom", err)
		}
		for b := buf[:size]; len(b) >= unix.SizeofNlMsghdr+4; {
			length := int(binary.NativeEndian.Uint32(b))
			if length < unix.SizeofNlMsghdr+4 || length > len(b) {
				return errors.New("the kernel's answer is cut off")
			}
			if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_ERROR {
				errno := unix.Errno(-int32(binary.NativeEndian.Uint32(b[unix.SizeofNlMsghdr:])))
				if errno != 0 && errno != unix.ENOENT {
					return errno
				}
				if errno == unix.ENOENT {
					return errMoved
				}
				answered++
			}
			b = b[min(len(b), (length+3)&^3):]
		}
	}
	return nil
}

// errMoved says that the kernel refused the whole batch, because something in
// it was deleted in the meantime.
var errMoved = errors.New("it changed meanwhile; try again")

func nftMessage(seq uint32, kind, flags int, family uint8, resource uint16, attrs []*nl.RtAttr) []byte {
	b := make([]byte, unix.SizeofNlMsghdr, 256)
	b = append(b, (&nl.Nfgenmsg{NfgenFamily: family, Version: unix.NFNETLINK_V0, ResId: nl.Swap16(resource)}).Serialize()...)
	for _, a := range attrs {
		b = append(b, a.Serialize()...)
	}
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], uint16(kind))
	binary.NativeEndian.PutUint16(b[6:], uint16(flags|unix.NLM_F_REQUEST))
	binary.NativeEndian.PutUint32(b[8:], seq)
	return b
}
