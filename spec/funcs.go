package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"sigs.k8s.io/yaml"
)

// Limits of functions whose result can be larger than their arguments.
const (
	maxResult   = maxFileBytes
	maxPattern  = 1000 // bytes of a regular expression
	maxPairwise = 5000 // elements of a list, each of which is compared with all others
	maxIndent   = 200
	maxJSON     = 100 // nested brackets
)

var errResult = errors.New("the result would be larger than 1 MiB")

// functions returns the functions that a spec may call. Their results do not
// change from call to call. None of them writes, and file reads only inside
// dir.
func functions(dir string, noteSecret func(cty.Value)) map[string]function.Function {
	out := map[string]function.Function{}
	for name, f := range asIs {
		out[name] = tamed(f)
	}
	for name, g := range bounded {
		out[name] = tamed(guard(g.f, g.check))
	}
	out["file"], out["fileexists"] = tamed(fileFunc(dir)), tamed(fileExistsFunc(dir))
	out["sensitive"] = sensitiveFunc(noteSecret)
	out["try"], out["can"] = tryfunc.TryFunc, tryfunc.CanFunc // their arguments are metered expressions
	return out
}

var asIs = map[string]function.Function{
	"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "max": stdlib.MaxFunc,
	"min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc, "signum": stdlib.SignumFunc,

	"chomp": stdlib.ChompFunc, "endswith": affix(strings.HasSuffix), "lower": stdlib.LowerFunc, "split": stdlib.SplitFunc,
	"startswith": affix(strings.HasPrefix), "strcontains": affix(strings.Contains), "strrev": stdlib.ReverseFunc,
	"substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
	"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,

	"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
	"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
	"element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc, "keys": stdlib.KeysFunc, "length": lengthFunc,
	"lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc, "one": oneFunc, "range": stdlib.RangeFunc,
	"reverse": stdlib.ReverseListFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "values": stdlib.ValuesFunc,
	"zipmap": stdlib.ZipmapFunc,

	"setintersection": stdlib.SetIntersectionFunc, "setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc,

	"csvdecode": stdlib.CSVDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc,

	"tobool": stdlib.MakeToFunc(cty.Bool), "tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
	"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)), "tonumber": stdlib.MakeToFunc(cty.Number),
	"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), "tostring": stdlib.MakeToFunc(cty.String),

	"cidrhost": cidrHostFunc, "cidrnetmask": cidrNetmaskFunc, "cidrsubnet": cidrSubnetFunc,
}

var bounded = map[string]struct {
	f     function.Function
	check func(args []cty.Value) error
}{
	"distinct":   {stdlib.DistinctFunc, boundPairs},
	"format":     {stdlib.FormatFunc, boundFormat},
	"formatlist": {stdlib.FormatListFunc, boundFormat},
	"indent":     {stdlib.IndentFunc, boundIndent},
	"join":       {stdlib.JoinFunc, boundJoin},
	"jsondecode": {stdlib.JSONDecodeFunc, boundJSON},
	"regex":      {stdlib.RegexFunc, boundPattern},
	"replace":    {stdlib.ReplaceFunc, boundReplace},
	"yamldecode": {yamlDecodeFunc, nil},
}

// guard adds to f a check of its arguments, which are all known.
func guard(f function.Function, check func([]cty.Value) error) function.Function {
	if check == nil {
		return f
	}
	s := &function.Spec{Params: f.Params(), VarParam: f.VarParam()}
	s.Type = func(args []cty.Value) (cty.Type, error) {
		if err := checkKnown(check, args); err != nil {
			return cty.NilType, err
		}
		return f.ReturnTypeForValues(args)
	}
	s.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(args) }
	return function.New(s)
}

func checkKnown(check func([]cty.Value) error, args []cty.Value) error {
	plain := make([]cty.Value, len(args))
	for i, a := range args {
		if !a.IsWhollyKnown() {
			return nil
		}
		plain[i], _ = a.UnmarkDeep()
	}
	return check(plain)
}

func boundPairs(args []cty.Value) error {
	if length(args[0]) > maxPairwise {
		return fmt.Errorf("at most %d elements can be compared with each other", maxPairwise)
	}
	return nil
}

var (
	longVerb   = regexp.MustCompile(`[0-9]{4}|\*`)
	hugeNumber = regexp.MustCompile(`^\s*[-+]?[0-9.]+[eE][-+]?[0-9]{4}`)
)

func boundFormat(args []cty.Value) error {
	if args[0].IsNull() {
		return nil
	}
	pattern := args[0].AsString()
	if longVerb.MatchString(pattern) {
		return errors.New("a width or precision may have three digits")
	}
	total := 0
	for _, a := range args[1:] {
		total += textSize(a)
		if a.Type() == cty.String && !a.IsNull() && hugeNumber.MatchString(a.AsString()) {
			return errNumber
		}
	}
	return boundBytes(len(pattern) + strings.Count(pattern, "%")*(total+1000))
}

// textSize returns the approximate length of a value in JSON.
func textSize(v cty.Value) int {
	if v.IsNull() || !v.IsKnown() {
		return 4
	}
	if v.Type() == cty.String {
		return len(v.AsString()) + 2
	}
	n := 20
	if v.CanIterateElements() {
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			n += textSize(k) + textSize(e)
		}
	}
	return n
}

func boundBytes(n int) error {
	if n > maxResult {
		return errResult
	}
	return nil
}

func boundIndent(args []cty.Value) error {
	if n, err := strconv.Atoi(args[0].AsBigFloat().Text('f', 0)); err != nil || n > maxIndent {
		return fmt.Errorf("an indentation may have %d spaces", maxIndent)
	}
	return nil
}

func boundJoin(args []cty.Value) error {
	n := 0
	for _, list := range args[1:] {
		n += len(args[0].AsString()) * length(list)
	}
	return boundBytes(n)
}

func boundPattern(args []cty.Value) error {
	if len(args[0].AsString()) > maxPattern {
		return fmt.Errorf("a pattern may have %d bytes", maxPattern)
	}
	return nil
}

func boundReplace(args []cty.Value) error {
	return boundBytes(strings.Count(args[0].AsString(), args[1].AsString()) * len(args[2].AsString()))
}

// boundJSON counts all brackets, even those in strings, so it is a little too
// strict.
func boundJSON(args []cty.Value) error {
	depth := 0
	for _, c := range args[0].AsString() {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if depth > maxJSON {
			return fmt.Errorf("brackets may stand in each other %d deep", maxJSON)
		}
	}
	return nil
}

var stringParam = function.Parameter{Name: "str", Type: cty.String}

func affix(has func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam, {Name: "part", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(has(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

var lengthFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if args[0].Type() == cty.String {
			return stdlib.Strlen(args[0])
		}
		if !args[0].CanIterateElements() {
			return cty.NilVal, errors.New("only strings, lists, maps, sets and objects have a length")
		}
		return cty.NumberIntVal(int64(args[0].LengthInt())), nil
	},
})

var oneFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type: func(args []cty.Value) (cty.Type, error) {
		v, err := only(args[0])
		return v.Type(), err
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return only(args[0]) },
})

func only(list cty.Value) (cty.Value, error) {
	switch {
	case !list.CanIterateElements() || list.Type().IsMapType() || list.Type().IsObjectType():
		return cty.DynamicVal, errors.New("it takes a list or a set")
	case list.LengthInt() == 0:
		return cty.NullVal(cty.DynamicPseudoType), nil
	case list.LengthInt() > 1:
		return cty.DynamicVal, fmt.Errorf("it has %d elements, not one", list.LengthInt())
	}
	it := list.ElementIterator()
	it.Next()
	_, v := it.Element()
	return v, nil
}

func sensitiveFunc(note func(cty.Value)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowMarked: true, AllowDynamicType: true,
		}},
		Type: func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			note(args[0])
			return args[0].Mark(sensitive), nil
		},
	})
}

// yamlDecodeFunc converts YAML to JSON first. The YAML library refuses aliases
// that expand without end.
var yamlDecodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{stringParam},
	Type: func(args []cty.Value) (cty.Type, error) {
		if !args[0].IsKnown() {
			return cty.DynamicPseudoType, nil
		}
		v, err := yamlDecode(args[0].AsString())
		return v.Type(), err
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return yamlDecode(args[0].AsString()) },
})

func yamlDecode(src string) (cty.Value, error) {
	j, err := yaml.YAMLToJSON([]byte(src))
	if err != nil {
		return cty.DynamicVal, fmt.Errorf("decode YAML: %w", err)
	}
	v := cty.StringVal(string(j))
	if err := errors.Join(boundBytes(len(j)), boundJSON([]cty.Value{v})); err != nil {
		return cty.DynamicVal, err
	}
	return stdlib.JSONDecode(v)
}

func fileFunc(dir string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := readInside(dir, args[0].AsString())
			return cty.StringVal(s), err
		},
	})
}

func fileExistsFunc(dir string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			ok, err := existsInside(dir, args[0].AsString())
			return cty.BoolVal(ok), err
		},
	})
}

func existsInside(dir, name string) (bool, error) {
	_, err := readInside(dir, name)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, err
}

// convertTo converts a value. It refuses numbers that cannot be printed.
func convertTo(v cty.Value, t cty.Type) (cty.Value, error) {
	out, err := convert.Convert(v, t)
	if err == nil && !finite(out) {
		err = errNumber
	}
	return out, err
}
