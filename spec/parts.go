package spec

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// decodeParts reads components and images.
func (l *loader) decodeParts(d *decoded) {
	d.Components, d.digests = Components{}, map[string]hcl.Range{}
	for _, b := range l.all(componentBlock) {
		nodes, ok := l.instances(b, componentBlock)
		d.partial = d.partial || !ok
		for _, n := range nodes {
			l.decodeComponent(d, n)
		}
	}
	for _, b := range l.all(imageBlock) {
		nodes, ok := l.instances(b, imageBlock)
		d.partial = d.partial || !ok
		for _, n := range nodes {
			l.decodeImage(d, n)
		}
	}
}

func (l *loader) decodeComponent(d *decoded, n *node) {
	c := Component{
		Name: n.label, Version: strings.TrimPrefix(n.str("version"), "v"), Source: l.source(n), SHA256: n.digest("sha256"), Range: n.rng,
	}
	if !known(c.Name) {
		l.add(problem(n.named, "Unknown component", "pmkctl has no use for a component %q.%s", c.Name, suggest(c.Name, AllComponents())))
	}
	if have, ok := d.Components[c.Name]; ok {
		l.add(problem(n.named, "Duplicate component", "There is a component %q at %s already. Remove one of them.", c.Name, place(have.Range)))
		return
	}
	l.checkFilledIn(c.SHA256, n)
	l.checkComponentVersion(d, c, n)
	d.Components[c.Name], d.digests[c.Name] = c, n.attrs["sha256"].at
}

func (l *loader) decodeImage(d *decoded, n *node) {
	i := Image{Key: n.label, Name: n.str("name"), Source: l.source(n), SHA256: n.digest("sha256"), Range: n.rng}
	if have := d.image(i.Key); have != nil {
		l.add(problem(n.named, "Duplicate image", "There is an image %q at %s already. Remove one of them.", i.Key, place(have.Range)))
		return
	}
	l.checkFilledIn(i.SHA256, n)
	d.Images = append(d.Images, i)
}

func (d *decoded) image(key string) *Image {
	for i := range d.Images {
		if d.Images[i].Key == key {
			return &d.Images[i]
		}
	}
	return nil
}

// source returns a URL unchanged, and a path as an absolute path.
func (l *loader) source(n *node) string {
	s := n.str("source")
	if strings.Contains(s, "://") {
		return s
	}
	return l.path(s)
}

// checkFilledIn warns about the digest of zeros that `pmkctl init` writes.
func (l *loader) checkFilledIn(digest string, n *node) {
	if digest == strings.Repeat("0", 64) {
		l.add(warning(n.attrs["sha256"].at, "Digest not filled in",
			"A digest of zeros stands for one still to be written: no file has it, so a plan will refuse it. Write what `sha256sum FILE` prints."))
	}
}
