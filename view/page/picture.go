package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A picture is where everything stands, in units of a cell.
type picture struct {
	Hosts  int
	Layers []*layer
	Labels []label
	Font   float64
	Margin float64 // for the labels, left and above
	Lines  string
	Self   string // the diagonal
}

// A label is a host's name beside its row and above its column.
type label struct {
	Name string
	At   float64 // its middle
	Base float64 // where the text stands
}

// labelsAtMost is how many labels can be read; of more hosts every second,
// third, ... is named.
const (
	labelsAtMost = 50
	nameAtMost   = 24
)

func newPicture(hosts []string, layers []*layer) *picture {
	step := (len(hosts) + labelsAtMost - 1) / labelsAtMost
	p := &picture{Hosts: len(hosts), Layers: layers, Font: .62 * float64(max(step, 1))}
	longest := 0
	for i := 0; i < len(hosts); i += step {
		name := hosts[i]
		if len(name) > nameAtMost {
			name = name[:nameAtMost-1] + "…"
		}
		longest = max(longest, len(name))
		at := float64(i) + .5
		p.Labels = append(p.Labels, label{name, at, round2(at + p.Font*.35)})
	}
	p.Font = round2(p.Font)
	p.Margin = math.Ceil(p.Font*.62*float64(longest) + p.Font)
	var lines, self strings.Builder
	every := 1
	if len(hosts) > manyHosts {
		every = 10
	}
	for i := 0; i <= len(hosts); i += every {
		fmt.Fprintf(&lines, "M0 %dH%dM%d 0V%d", i, len(hosts), i, len(hosts))
	}
	for i := range hosts {
		fmt.Fprintf(&self, "M%d %dh1v1h-1z", i, i)
	}
	p.Lines, p.Self = lines.String(), self.String()
	return p
}

func round2(f float64) float64 { return math.Round(f*100) / 100 }

// ViewBox returns the area of the picture.
func (p *picture) ViewBox() string {
	side := strconv.FormatFloat(p.Margin+float64(p.Hosts)+.5, 'f', -1, 64)
	return fmt.Sprintf("-%g -%g %s %s", p.Margin, p.Margin, side, side)
}

// Pixels of a cell.
const cellAtLeast, cellAtMost = 4, 52

// Rules returns the styles that keep cells large enough for a finger, and
// three hosts from filling the screen.
func (p *picture) Rules() string {
	side := p.Margin + float64(p.Hosts)
	return fmt.Sprintf("#scroll{max-width:%.0fpx}#matrix{min-width:%.0fpx;max-width:%.0fpx}\n", side*cellAtMost, side*cellAtLeast, side*cellAtMost)
}
