package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/spec"
)

// judgePolicies evaluates the policies of the spec for a plan at the current
// time. It shows the verdicts unless the same ones were shown before.
func (r *Run) judgePolicies(c *executor.Checked) error {
	judged, live := r.steps.judged(c, r.world.Records)
	verdicts := judged.Policies(r.cluster, live, r.Now())
	if !slices.Equal(verdicts, r.verdicts) {
		r.verdicts = verdicts
		if err := r.Console.Policies(verdicts); err != nil {
			return err
		}
	}
	return failedPolicies(verdicts)
}

func failedPolicies(verdicts []spec.PolicyVerdict) error {
	var names []string
	for _, v := range verdicts {
		if v.Failed() {
			names = append(names, v.Name)
		}
	}
	switch len(names) {
	case 0:
		return nil
	case 1:
		return &Error{PreflightFailed, fmt.Errorf("the policy %s failed; nothing was changed", names[0])}
	}
	return &Error{PreflightFailed, fmt.Errorf("the policies %s failed; nothing was changed", strings.Join(names, ", "))}
}
