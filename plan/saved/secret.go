package saved

import (
	"crypto/hmac"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/scrypt"

	"github.com/pmkctl/pmkctl/spec"
)

// A Secret is a value of the spec that the plan does not hold.
type Secret struct {
	Fields []string `json:"fields"`           // of the cluster: "cp-1.become_password"
	Inputs []string `json:"inputs,omitempty"` // sensitive variables whose value it is
	Digest []byte   `json:"digest"`
}

// names returns the inputs by which the value can be given again: the variables,
// or the first field if no variable has the value.
func (s Secret) names() []string {
	if len(s.Inputs) > 0 {
		return s.Inputs
	}
	return s.Fields[:1]
}

// digestOf is slow on purpose: a thief of the file can try passwords, and many
// passwords are easy to guess.
func (p *Plan) digestOf(value spec.Secret) []byte {
	key, err := scrypt.Key([]byte(value.Reveal()), p.Salt, 1<<14, 8, 1, 32)
	if err != nil {
		panic(err) // the numbers above are valid
	}
	return key
}

// Hide puts the digests of the cluster's secrets into the plan. Encode leaves out
// the secrets themselves.
func (p *Plan) Hide() {
	p.Salt = make([]byte, 16)
	_, _ = rand.Read(p.Salt) // never fails: crypto/rand.Read
	known := map[string]int{}
	for _, f := range p.Cluster.Secrets() {
		i, ok := known[f.Secret.Reveal()]
		if !ok {
			i, known[f.Secret.Reveal()] = len(p.Secrets), len(p.Secrets)
			p.Secrets = append(p.Secrets, Secret{Inputs: f.Inputs, Digest: p.digestOf(*f.Secret)})
		}
		p.Secrets[i].Fields = append(p.Secrets[i].Fields, f.Name)
	}
}

// Inputs returns the names of what must be given again: sensitive variables, and
// fields for values that no variable has.
func (p *Plan) Inputs() []string {
	var names []string
	for _, s := range p.Secrets {
		if n := strings.Join(s.names(), " or "); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// Asked returns all variables of the spec, and the fields that Inputs returns.
func (p *Plan) Asked() []spec.Input {
	list := slices.Clone(p.Cluster.Inputs)
	for _, s := range p.Secrets {
		if len(s.Inputs) == 0 {
			list = append(list, spec.Input{Name: s.Fields[0], Type: "string", Sensitive: true})
		}
	}
	return list
}

// A MissingError names the secrets that were not given.
type MissingError struct{ Names []string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("the plan holds no secrets: give %s again, by -var, -var-file, PMK_VAR_ in the environment or a file *.auto.hclvars beside the spec",
		strings.Join(e.Names, ", "))
}

// Reveal puts the secrets back into the cluster. given has values by name; others
// has more values to try, such as those of the spec. It returns a *RefusedError
// if a given value is not the one that the plan was made with, and a
// *MissingError if no value fits and none was given.
func (p *Plan) Reveal(given map[string][]spec.Secret, others []spec.Secret) error {
	digests := map[string][]byte{} // by value, because each takes long
	var missing []string
	for _, s := range p.Secrets {
		candidates, names := slices.Clone(others), []string(nil)
		for _, n := range s.names() {
			if list, ok := given[n]; ok {
				candidates, names = append(candidates, list...), append(names, n)
			}
		}
		switch value := p.match(s, candidates, digests); {
		case value != nil:
			p.fill(s, *value)
		case len(names) > 0:
			return refused("the value given for %s is not the one that the plan was made with", strings.Join(names, ", "))
		default:
			missing = append(missing, strings.Join(s.names(), " or "))
		}
	}
	if len(missing) > 0 {
		return &MissingError{missing}
	}
	return nil
}

// match returns the candidate that is the value of a secret; nil if none is.
func (p *Plan) match(s Secret, candidates []spec.Secret, digests map[string][]byte) *spec.Secret {
	for i, c := range candidates {
		if digests[c.Reveal()] == nil {
			digests[c.Reveal()] = p.digestOf(c)
		}
		if hmac.Equal(digests[c.Reveal()], s.Digest) {
			return &candidates[i]
		}
	}
	return nil
}

func (p *Plan) fill(s Secret, value spec.Secret) {
	for _, name := range s.Fields {
		if f := p.Cluster.SecretField(name); f != nil {
			*f = value
		}
	}
}
