package spec

import (
	"errors"
	"fmt"
	"math/big"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/gocty"
)

func cidrFunc(numbers []string, f func(p netip.Prefix, n []int) (string, error)) function.Function {
	params := []function.Parameter{{Name: "prefix", Type: cty.String}}
	for _, n := range numbers {
		params = append(params, function.Parameter{Name: n, Type: cty.Number})
	}
	return function.New(&function.Spec{
		Params: params, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, n, err := cidrArgs(args)
			if err != nil {
				return cty.NilVal, err
			}
			s, err := f(p, n)
			return cty.StringVal(s), err
		},
	})
}

func cidrArgs(args []cty.Value) (netip.Prefix, []int, error) {
	p, err := netip.ParsePrefix(args[0].AsString())
	if err != nil {
		return p, nil, function.NewArgErrorf(0, "%q is no CIDR such as 10.0.0.0/16", args[0].AsString())
	}
	n := make([]int, len(args)-1)
	for i, a := range args[1:] {
		if err := gocty.FromCtyValue(a, &n[i]); err != nil {
			return p, nil, function.NewArgErrorf(i+1, "must be a whole number")
		}
	}
	return p.Masked(), n, nil
}

var cidrHostFunc = cidrFunc([]string{"hostnum"}, func(p netip.Prefix, n []int) (string, error) {
	a, err := plus(p, n[0], p.Addr().BitLen())
	return a.String(), err
})

var cidrSubnetFunc = cidrFunc([]string{"newbits", "netnum"}, func(p netip.Prefix, n []int) (string, error) {
	bits := p.Bits() + n[0]
	if n[0] < 0 || n[0] > 128 || bits > p.Addr().BitLen() || n[1] < 0 {
		return "", fmt.Errorf("a prefix of %s cannot be %d bits longer", p, n[0])
	}
	a, err := plus(p, n[1], bits)
	return netip.PrefixFrom(a, bits).String(), err
})

var cidrNetmaskFunc = cidrFunc(nil, func(p netip.Prefix, _ []int) (string, error) {
	if !p.Addr().Is4() {
		return "", errors.New("only IPv4 has netmasks")
	}
	ones := ^uint32(0)
	if p.Bits() == 0 {
		return "0.0.0.0", nil
	}
	m := ones << (32 - p.Bits())
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String(), nil
})

// plus returns the address of block n in p, counted from 0; bits is the prefix
// length of a block. A negative n counts from the end.
func plus(p netip.Prefix, n, bits int) (netip.Addr, error) {
	room := new(big.Int).Lsh(big.NewInt(1), uint(bits-p.Bits()))
	k := big.NewInt(int64(n))
	if n < 0 {
		k.Add(k, room)
	}
	if k.Sign() < 0 || k.Cmp(room) >= 0 {
		return netip.Addr{}, fmt.Errorf("%s has no block number %d", p, n)
	}
	k.Lsh(k, uint(p.Addr().BitLen()-bits))
	k.Add(k, new(big.Int).SetBytes(p.Addr().AsSlice()))
	a, _ := netip.AddrFromSlice(k.FillBytes(make([]byte, p.Addr().BitLen()/8)))
	return a, nil
}
