package fielddiff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v3"
)

// A format reads a file. The zero format is that of files of which lines
// are all that is known.
type format struct {
	parse   func(string) (*Value, error)
	comment string // characters that begin a comment
}

var (
	yamlFormat = format{parseYAML, "#"}
	jsonFormat = format{parse: parseJSON}
	tomlFormat = format{parseTOML, "#"}
	unitFormat = format{parseUnit, "#;"}
)

var formats = map[string]format{
	".yaml": yamlFormat, ".yml": yamlFormat, ".kubeconfig": yamlFormat,
	".json": jsonFormat, ".conflist": jsonFormat,
	".toml":    tomlFormat,
	".service": unitFormat, ".socket": unitFormat, ".timer": unitFormat, ".path": unitFormat, ".target": unitFormat,
	".mount": unitFormat, ".automount": unitFormat, ".swap": unitFormat, ".slice": unitFormat, ".scope": unitFormat,
}

// formatOf tells the format by the name, and where a name tells nothing by
// what both contents are: objects of Kubernetes (a kubeconfig is one), or
// one JSON object.
func formatOf(file, have, want string) format {
	if f, known := formats[path.Ext(file)]; known {
		return f
	}
	if dir := path.Dir(file); path.Ext(file) == ".conf" && path.Ext(dir) == ".d" {
		if _, known := formats[path.Ext(strings.TrimSuffix(dir, ".d"))]; known && strings.Contains(dir, "/systemd/") {
			return unitFormat
		}
	}
	switch {
	case isObject(have) && isObject(want):
		return yamlFormat
	case json.Valid([]byte(have)) && json.Valid([]byte(want)):
		return jsonFormat
	}
	return format{}
}

func isObject(text string) bool {
	return strings.Contains("\n"+text, "\napiVersion: ") && strings.Contains("\n"+text, "\nkind: ")
}

var (
	errDouble = errors.New("a key stands there twice")
	errBeyond = errors.New("more than fields tell")
)

// parseYAML reads one document without anchors, tags of its own and keys
// that are no strings.
func parseYAML(text string) (*Value, error) {
	if strings.HasPrefix(text, "%") || strings.Contains(text, "\n%") {
		return nil, errBeyond
	}
	dec := yaml.NewDecoder(strings.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errBeyond
	}
	return yamlValue(doc.Content[0])
}

func yamlValue(n *yaml.Node) (*Value, error) {
	if n.Anchor != "" || n.Kind == yaml.AliasNode || n.Style&yaml.TaggedStyle != 0 {
		return nil, errBeyond
	}
	switch n.Kind {
	case yaml.SequenceNode:
		v := &Value{kind: list}
		for _, item := range n.Content {
			i, err := yamlValue(item)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, i)
		}
		return v, nil
	case yaml.MappingNode:
		return yamlMapping(n)
	}
	return yamlScalar(n), nil
}

func yamlMapping(n *yaml.Node) (*Value, error) {
	v := newMapping()
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := yamlValue(n.Content[i])
		if err != nil {
			return nil, err
		}
		value, err := yamlValue(n.Content[i+1])
		switch {
		case err != nil:
			return nil, err
		case key.kind != scalar || key.typ != "str":
			return nil, errBeyond
		case !v.put(key.text, value):
			return nil, errDouble
		}
	}
	return v, nil
}

// yamlScalar keeps what is no string as it is written, so that nothing that
// some reader might take for another value is called the same.
func yamlScalar(n *yaml.Node) *Value {
	typ := strings.TrimPrefix(n.ShortTag(), "!!")
	switch {
	case n.Style != 0: // quoted or a block
		return newScalar("str", n.Value)
	case typ == "null":
		return newScalar(typ, "null")
	case typ == "str" && notString.MatchString(n.Value):
		return newScalar("plain", n.Value)
	}
	return newScalar(typ, n.Value)
}

// parseJSON reads one object.
func parseJSON(text string) (*Value, error) {
	if !json.Valid([]byte(text)) {
		return nil, errBeyond
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	v, err := jsonValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errBeyond
	}
	return v, nil
}

func jsonValue(dec *json.Decoder) (*Value, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return jsonList(dec)
		}
		return jsonMapping(dec)
	case string:
		if strings.Contains(t, "\ufffd") { // stands for half a character, whichever half it was
			return nil, errBeyond
		}
		return newScalar("str", t), nil
	case json.Number:
		return newScalar("number", t.String()), nil
	case bool:
		return newScalar("bool", strconv.FormatBool(t)), nil
	}
	return newScalar("null", "null"), nil
}

func jsonList(dec *json.Decoder) (*Value, error) {
	v := &Value{kind: list}
	for dec.More() {
		item, err := jsonValue(dec)
		if err != nil {
			return nil, err
		}
		v.items = append(v.items, item)
	}
	_, err := dec.Token()
	return v, err
}

func jsonMapping(dec *json.Decoder) (*Value, error) {
	v := newMapping()
	for dec.More() {
		key, err := jsonValue(dec)
		if err != nil {
			return nil, err
		}
		value, err := jsonValue(dec)
		if err != nil {
			return nil, err
		}
		if !v.put(key.text, value) {
			return nil, errDouble
		}
	}
	_, err := dec.Token()
	return v, err
}

// parseTOML reads a file; its reader refuses keys that repeat, and does not
// keep their order.
func parseTOML(text string) (*Value, error) {
	var m map[string]any
	if err := toml.Unmarshal([]byte(text), &m); err != nil {
		return nil, err
	}
	return tomlValue(m)
}

func tomlValue(x any) (*Value, error) {
	switch x := x.(type) {
	case map[string]any:
		v := newMapping()
		for _, k := range slices.Sorted(maps.Keys(x)) {
			value, err := tomlValue(x[k])
			if err != nil {
				return nil, err
			}
			v.put(k, value)
		}
		return v, nil
	case []any:
		v := &Value{kind: list}
		for _, item := range x {
			value, err := tomlValue(item)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, value)
		}
		return v, nil
	}
	return tomlScalar(x)
}

func tomlScalar(x any) (*Value, error) {
	switch x := x.(type) {
	case string:
		return newScalar("str", x), nil
	case int64:
		return newScalar("int", strconv.FormatInt(x, 10)), nil
	case float64:
		return newScalar("float", strconv.FormatFloat(x, 'g', -1, 64)), nil
	case bool:
		return newScalar("bool", strconv.FormatBool(x)), nil
	case time.Time:
		return newScalar("time", x.Format(time.RFC3339Nano)), nil
	case toml.LocalDate, toml.LocalTime, toml.LocalDateTime:
		return newScalar(fmt.Sprintf("%T", x), fmt.Sprint(x)), nil
	}
	return nil, errBeyond
}

// parseUnit reads a systemd unit (systemd.syntax(7)) in which no section
// repeats. A key that does is a list that has to stay as it is.
func parseUnit(text string) (*Value, error) {
	unit := newMapping()
	var section *Value
	for _, line := range unitLines(text) {
		key, value, isKey := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = newMapping()
			if !unit.put(line[1:len(line)-1], section) {
				return nil, errDouble
			}
		case section == nil || !isKey || key == "":
			return nil, errBeyond
		default:
			section.assign(key, unitValue(key, value))
		}
	}
	return unit, nil
}

// assign adds to what an earlier line gave the key.
func (v *Value) assign(key string, value *Value) {
	if v.put(key, value) {
		return
	}
	if earlier := v.at[key]; !earlier.fixed {
		v.at[key] = &Value{kind: list, fixed: true, items: []*Value{earlier}}
	}
	v.at[key].items = append(v.at[key].items, value)
}

// unitLines are the lines without comments, those that a backslash continues
// joined to one.
func unitLines(text string) []string {
	var out []string
	var joined bytes.Buffer
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || line == "" && joined.Len() == 0 {
			continue
		}
		joined.WriteString(strings.TrimSuffix(line, `\`))
		if strings.HasSuffix(line, `\`) {
			joined.WriteByte(' ')
			continue
		}
		out = append(out, strings.TrimSpace(joined.String()))
		joined.Reset()
	}
	if joined.Len() > 0 {
		out = append(out, strings.TrimSpace(joined.String()))
	}
	return out
}

// unitValue is the command line of ExecStart= and the like as a list.
func unitValue(key, value string) *Value {
	if !strings.HasPrefix(key, "Exec") || value == "" {
		return newScalar("arg", value)
	}
	v := &Value{kind: list, argv: true}
	for _, word := range unitWords(value) {
		v.items = append(v.items, newScalar("arg", word))
	}
	return v
}

// unitWords splits where white space stands outside of quotes. Words stay as
// they are written, except quotes around a whole word.
func unitWords(value string) []string {
	var out []string
	var quote byte
	begin := -1
	for i := 0; i < len(value); i++ {
		c := value[i]
		blank := c == ' ' || c == '\t'
		switch {
		case quote == 0 && blank && begin >= 0:
			out, begin = append(out, bare(value[begin:i])), -1
			continue
		case quote == 0 && blank:
			continue
		case c == '\\' && i+1 < len(value):
			if begin < 0 {
				begin = i
			}
			i++
			continue
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
		if begin < 0 {
			begin = i
		}
	}
	if begin >= 0 {
		out = append(out, bare(value[begin:]))
	}
	return out
}

func bare(word string) string {
	if n := len(word); n > 2 && word[0] == '"' && word[n-1] == '"' && !strings.ContainsAny(word[1:n-1], "\"\\") {
		return word[1 : n-1]
	}
	return word
}
