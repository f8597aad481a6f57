package oshost

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// Firewall lists the chains of nftables, in which today's iptables keeps its
// own too, and those of the older iptables. A filter that the kernel has not
// loaded is not asked, because that would load it.
func (h *Host) Firewall(ctx context.Context) ([]host.Chain, error) {
	f, err := h.KernelFeatures(ctx, []string{"nf_tables"})
	if err != nil {
		return nil, err
	}
	var out []host.Chain
	if f[0].Present {
		if out, err = nftChains(); err != nil {
			return nil, fmt.Errorf("list firewall: %w", err)
		}
	}
	old, err := legacyChains()
	if err != nil {
		return nil, fmt.Errorf("list firewall: %w", err)
	}
	return append(out, old...), ctx.Err()
}

// Hooks of the families that see IP. Hooks with the same number have the same
// name in all families.
var (
	hooks    = map[uint32]string{unix.NF_INET_LOCAL_IN: "input", unix.NF_INET_FORWARD: "forward"}
	families = map[uint8]string{unix.NFPROTO_IPV4: "ip", unix.NFPROTO_IPV6: "ip6", unix.NFPROTO_INET: "inet"}
)

// verdictDrop is NF_DROP, as nftables and iptables have it.
const verdictDrop = 0

func nftChains() ([]host.Chain, error) {
	msgs, err := nftDump(unix.NFT_MSG_GETCHAIN, unix.NFT_MSG_NEWCHAIN, unix.NFPROTO_UNSPEC)
	if err != nil {
		return nil, err
	}
	var out []host.Chain
	for _, m := range msgs {
		c, family, ok := parseChain(m)
		if !ok {
			continue
		}
		rules, err := nftDump(unix.NFT_MSG_GETRULE, unix.NFT_MSG_NEWRULE, family,
			nl.NewRtAttr(unix.NFTA_RULE_TABLE, nl.ZeroTerminated(c.Table)), nl.NewRtAttr(unix.NFTA_RULE_CHAIN, nl.ZeroTerminated(c.Name)))
		if err != nil && !errors.Is(err, unix.ENOENT) { // the chain was deleted in the meantime
			return nil, err
		}
		if len(rules) > 0 {
			c.Last = verdict(rules[len(rules)-1])
		}
		out = append(out, c)
	}
	return out, nil
}

// nftDump sends one query and returns the answers. A list that changed while
// it was read is good enough.
func nftDump(ask, answer int, family uint8, attrs ...*nl.RtAttr) ([][]byte, error) {
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|ask, unix.NLM_F_DUMP)
	req.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: unix.NFNETLINK_V0})
	for _, a := range attrs {
		req.AddData(a)
	}
	msgs, err := req.Execute(unix.NETLINK_NETFILTER, uint16(unix.NFNL_SUBSYS_NFTABLES<<8|answer))
	if errors.Is(err, nl.ErrDumpInterrupted) {
		err = nil
	}
	return msgs, err
}

// parseChain reads a chain. ok is false for chains that only other chains
// call, and for other hooks.
func parseChain(m []byte) (c host.Chain, family uint8, ok bool) {
	a := attributes(m, nl.SizeofNfgenmsg)
	hook := nested(a[unix.NFTA_CHAIN_HOOK])
	if len(m) == 0 || hook == nil || attrText(a[unix.NFTA_CHAIN_TYPE]) != "filter" {
		return c, 0, false
	}
	family = m[0]
	c = host.Chain{Family: families[family], Table: attrText(a[unix.NFTA_CHAIN_TABLE]), Name: attrText(a[unix.NFTA_CHAIN_NAME]),
		Hook: hooks[number(hook[unix.NFTA_HOOK_HOOKNUM])], Policy: "accept"}
	if p := a[unix.NFTA_CHAIN_POLICY]; p != nil && number(p) == verdictDrop {
		c.Policy = "drop"
	}
	return c, family, c.Family != "" && c.Hook != ""
}

// verdict returns what a rule does to every packet; "" if it matches only
// some packets or lets them pass on.
func verdict(rule []byte) (does string) {
	for _, expr := range list(attributes(rule, nl.SizeofNfgenmsg)[unix.NFTA_RULE_EXPRESSIONS]) {
		e := nested(expr)
		data := nested(e[unix.NFTA_EXPR_DATA])
		switch attrText(e[unix.NFTA_EXPR_NAME]) {
		case "counter", "log":
		case "reject":
			does = "reject"
		case "immediate":
			v := nested(nested(data[unix.NFTA_IMMEDIATE_DATA])[unix.NFTA_DATA_VERDICT])
			if code := v[unix.NFTA_VERDICT_CODE]; code == nil || number(code) != verdictDrop {
				return ""
			}
			does = "drop"
		case "target": // of iptables
			if attrText(data[unix.NFTA_TARGET_NAME]) != "REJECT" {
				return ""
			}
			does = "reject"
		default:
			return ""
		}
	}
	return does
}

// attributes returns the attributes of a message after its header, by type.
func attributes(b []byte, header int) map[uint16][]byte {
	if len(b) < header {
		return nil
	}
	return nested(b[header:])
}

const attrType = ^uint16(unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)

// nested returns the attributes in an attribute, by type.
func nested(b []byte) map[uint16][]byte {
	list, err := nl.ParseRouteAttr(b)
	if err != nil || len(list) == 0 {
		return nil
	}
	out := map[uint16][]byte{}
	for _, a := range list {
		out[a.Attr.Type&attrType] = a.Value
	}
	return out
}

// list returns the values of the attributes in an attribute, in order.
func list(b []byte) (out [][]byte) {
	attrs, err := nl.ParseRouteAttr(b)
	if err != nil {
		return nil
	}
	for _, a := range attrs {
		out = append(out, a.Value)
	}
	return out
}

func attrText(b []byte) string { return strings.TrimRight(string(b), "\x00") }

// number reads a number of nftables; anything else is the largest number.
func number(b []byte) uint32 {
	if len(b) != 4 {
		return ^uint32(0)
	}
	return binary.BigEndian.Uint32(b)
}
