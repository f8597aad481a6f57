package run

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/executor"
)

// ApplyOptions are the options of runs that change hosts.
type ApplyOptions struct {
	Options
	Parallelism int             // steps at a time
	LockTimeout time.Duration   // for a host that another run has locked
	Stop        <-chan struct{} // when it is closed, no further step begins

	// Ask returns the answer to a question. It is nil if the plan is approved
	// in advance.
	Ask func(ctx context.Context, question string) (string, error)

	// Changing is called with true before the first change, and with false
	// after the last.
	Changing func(bool)
}

// Apply shows the plan, asks for approval, and makes the changes on all hosts.
func Apply(ctx context.Context, o ApplyOptions) error {
	return bringAbout(ctx, o, converge{forApproval: true})
}

// Destroy does the same with the plan that takes everything off all hosts.
func Destroy(ctx context.Context, o ApplyOptions) error { return bringAbout(ctx, o, &destroy{}) }

func bringAbout(ctx context.Context, o ApplyOptions, g goal) error {
	r, err := open(ctx, o.Options, g, false)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.unreachable(); err != nil {
		return err // an apply needs all its hosts; plan and preflight go on with those that answer
	}
	checked, err := r.approved(ctx, o)
	if err != nil || len(checked.Pending()) == 0 {
		return err
	}
	return r.change(ctx, order{checked: checked, next: "run it again to go on"}, o)
}

// approved returns a plan that a human approved, or that needs no approval,
// with all hosts locked. A plan that changes nothing is returned without a
// question.
func (r *Run) approved(ctx context.Context, o ApplyOptions) (*executor.Checked, error) {
	if o.Ask == nil { // the hosts are locked first: then one check is enough
		if err := r.conn.lock(ctx, r.id, o.LockTimeout); err != nil {
			return nil, err
		}
		return r.planned(ctx)
	}
	shown, err := r.planned(ctx)
	if err != nil || len(shown.Pending()) == 0 {
		return shown, err
	}
	question, consent := r.goal.question(r.cluster)
	if answer, err := o.Ask(ctx, question); err != nil {
		return nil, err
	} else if strings.TrimSpace(answer) != consent {
		return nil, errors.New("not approved; nothing was changed")
	}
	if err := r.conn.lock(ctx, r.id, o.LockTimeout); err != nil {
		return nil, err
	}
	return r.recheck(ctx, shown)
}

// recheck checks again after the hosts are locked. It returns an error if the
// changes are not those that were approved.
func (r *Run) recheck(ctx context.Context, shown *executor.Checked) (*executor.Checked, error) {
	if err := r.compile(ctx); err != nil {
		return nil, err
	}
	now := r.check(ctx)
	if err := r.judge(now); err != nil {
		return nil, err
	}
	var names []string
	for _, a := range now.Moved(shown) {
		names = append(names, a.String())
	}
	if len(names) > 0 {
		return nil, refusedf("the hosts changed after the plan was shown: %s; nothing was changed, plan again", strings.Join(names, ", "))
	}
	return now, nil
}
