package object

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// Rollout waits until a Deployment is available. It changes nothing, and so it
// owns nothing. The host of its step is a control-plane host.
type Rollout struct {
	Namespace, Name string
	APIServer       address.Addr  // address of the step that starts the API server
	Objects         address.Addr  // address of the step that makes the Deployment
	Limit           time.Duration // of the wait; 0 is 120 s
}

func (r Rollout) path() string {
	return "/apis/apps/v1/namespaces/" + r.Namespace + "/deployments/" + r.Name
}

// Check queries the status of the Deployment.
func (r Rollout) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	c := change.Change{Kind: change.Object, Action: change.Add, Item: "deployment/" + r.Namespace + "/" + r.Name, Want: "available", Volatile: true}
	o, err := kube.Get(ctx, h, r.path())
	switch {
	case errors.Is(err, host.ErrUnavailable):
		c.Until = r.APIServer
		if c.Action, err = kube.WhileDown(ctx, h); err != nil {
			return nil, err
		}
	case kube.NotFound(err):
		c.Until = r.Objects
	case err != nil:
		return nil, err
	default:
		why := pending(o)
		if why == nil {
			return nil, nil
		}
		c.Action, c.Have, c.Why = change.Update, "not available", why.Error()
	}
	return change.Diff{c}, nil
}

// pending returns what is missing; nil if the Deployment is available as it was last
// applied.
func pending(o Object) error {
	number := func(keys ...string) int64 {
		n, _ := kube.Field(plain(o), keys...).(int64)
		return n
	}
	want, have := number("spec", "replicas"), number("status", "availableReplicas")
	switch c := kube.ConditionOf(o, "Available"); {
	case number("status", "observedGeneration") < number("metadata", "generation"):
		return errors.New("its last change was not seen yet")
	case number("status", "updatedReplicas") < min(1, want):
		return errors.New("no pod of its last change is there yet")
	case c.Status != "True":
		return fmt.Errorf("%d of %d pods are available", have, want)
	}
	return nil
}

// Apply waits until the Deployment is available.
func (r Rollout) Apply(ctx context.Context, h host.Host, _ change.Diff) error {
	limit := r.Limit
	if limit == 0 {
		limit = 120 * time.Second
	}
	var last Object
	err := resource.WaitFor(ctx, "deployment "+r.Namespace+"/"+r.Name+" to be available", limit, func(ctx context.Context) error {
		o, err := kube.Get(ctx, h, r.path())
		if err != nil {
			return err
		}
		last = o
		return pending(o)
	})
	if err == nil || last == nil {
		return err
	}
	if why := r.pods(ctx, h, last); len(why) > 0 {
		return fmt.Errorf("%w\n  %s", err, strings.Join(why, "\n  "))
	}
	return err
}

// pods returns why pods of the Deployment are not ready.
func (r Rollout) pods(ctx context.Context, h host.KubeClient, o Object) []string {
	var selector []string
	labels, _ := kube.Field(o, "spec", "selector", "matchLabels").(map[string]any)
	for k, v := range labels {
		selector = append(selector, fmt.Sprintf("%s=%v", k, v))
	}
	q := url.Values{"labelSelector": {strings.Join(selector, ",")}}
	list, err := kube.Get(ctx, h, "/api/v1/namespaces/"+r.Namespace+"/pods?"+q.Encode())
	if err != nil {
		return nil
	}
	items, _ := list["items"].([]any)
	var why []string
	for _, pod := range items {
		if w := podTrouble(pod); w != "" {
			why = append(why, fmt.Sprintf("pod %s: %s", kube.Text(pod, "metadata", "name"), w))
		}
	}
	return why
}

// podTrouble returns why a pod is not ready: why its container waits, or else the
// first condition that is false.
func podTrouble(pod any) string {
	containers, _ := kube.Field(pod, "status", "containerStatuses").([]any)
	for _, c := range containers {
		if reason := kube.Text(c, "state", "waiting", "reason"); reason != "" {
			return strings.TrimSuffix(reason+": "+kube.Text(c, "state", "waiting", "message"), ": ")
		}
	}
	conditions, _ := kube.Field(pod, "status", "conditions").([]any)
	for _, c := range conditions {
		if kube.Text(c, "status") == "False" {
			return strings.TrimSuffix(kube.Text(c, "type")+" is false: "+kube.Text(c, "reason")+": "+kube.Text(c, "message"), ": ")
		}
	}
	return ""
}
