package resource

import (
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/host"
)

// A Config is a configuration file with fields.
type Config struct {
	Path   string
	Fields map[string]any
	// Encode writes maps with sorted keys and one field a line: so a setting that
	// differs is one line of a diff. nil writes YAML.
	Encode func(fields any) ([]byte, error)
}

// file returns the file, with mode 0644.
func (c Config) file() (host.FileSpec, error) {
	encode := c.Encode
	if encode == nil {
		encode = yaml.Marshal
	}
	fields, err := Plain(c.Fields)
	if err != nil {
		return host.FileSpec{}, fmt.Errorf("make %s: %w", c.Path, err)
	}
	content, err := encode(fields)
	if err != nil {
		return host.FileSpec{}, fmt.Errorf("make %s: %w", c.Path, err)
	}
	return host.FileSpec{Path: c.Path, Mode: 0o644, Content: content}, nil
}
