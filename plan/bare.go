package plan

import (
	"context"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/component"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// CompileBare makes the graph of a spec as if all its hosts could be reached and
// were empty. It calls no host, and the steps can be neither checked nor
// applied. On a live cluster there are more edges, because hosts take turns.
func CompileBare(ctx context.Context, c *spec.Cluster) (*Graph, error) {
	w := World{Hosts: map[string]host.Host{}, Records: map[string]*state.Record{}, Sources: &component.Sources{}}
	for _, h := range c.Hosts {
		w.Hosts[h.Name], w.Records[h.Name] = bareHost{}, &state.Record{}
	}
	out, err := Compile(ctx, c, w)
	if err != nil {
		return nil, err
	}
	return out.Graph, nil
}

// bareHost has only the method that Compile calls.
type bareHost struct{ host.Host }

func (bareHost) Facts(context.Context) (host.Facts, error) { return host.Facts{}, nil }
