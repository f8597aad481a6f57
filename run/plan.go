package run

import (
	"context"
)

// PlanOptions are the options of Plan.
type PlanOptions struct {
	Options
	Destroy  bool   // plan the removal of everything from all hosts
	Out      string // file that the plan is saved to; "" for none
	Page     string // file that a page of the plan is written to; "" for none
	Detailed bool   // if there are changes, the outcome is ChangesPending
}

// Plan shows what Apply, or Destroy, would change on which host.
func Plan(ctx context.Context, o PlanOptions) error {
	var g goal = converge{}
	if o.Destroy {
		g = &destroy{}
	}
	r, err := open(ctx, o.Options, g, true)
	if err != nil {
		return err
	}
	defer r.close()
	checked, err := r.planned(ctx)
	if err != nil {
		return err
	}
	if o.Out != "" || o.Page != "" {
		p, err := r.toSave(ctx, checked)
		if err == nil {
			err = o.write(p)
		}
		if err != nil {
			return err
		}
	}
	if o.Detailed && len(checked.Pending()) > 0 {
		return &Error{Outcome: ChangesPending}
	}
	return nil
}
