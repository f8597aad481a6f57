package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/lab"
)

// A Kubectl is how the cluster is asked.
type Kubectl struct {
	Program    string
	Kubeconfig string
}

// requestTimeout lets kubectl itself say what does not answer.
const requestTimeout = "20s"

// run runs kubectl with stdin and returns its standard output; the error holds
// its standard error. What the API server refuses is final.
func (k Kubectl) run(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, k.Program, append([]string{"--kubeconfig", k.Kubeconfig}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stderr.String())
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, said)
		if refused(said) {
			err = lab.Final(err)
		}
		return stdout.String(), err
	}
	return stdout.String(), nil
}

// refused tells if the API server knows what it does not let us do.
func refused(said string) bool {
	return strings.Contains(said, "(Forbidden)") || strings.Contains(said, "Unauthorized") || strings.Contains(said, "You must be logged in")
}

// A node is the part of a Node that is looked at.
type node struct {
	Metadata struct {
		Name string
	}
	Status struct {
		Conditions []struct {
			Type, Status       string
			LastTransitionTime time.Time
		}
	}
}

func (n node) ready() bool { return !n.readySince().IsZero() }

// readySince is zero while the node is not Ready.
func (n node) readySince() time.Time {
	for _, c := range n.Status.Conditions {
		if c.Type == "Ready" && c.Status == "True" {
			return c.LastTransitionTime
		}
	}
	return time.Time{}
}

// A pod is the part of a Pod that is looked at.
type pod struct {
	Metadata struct{ Name, DeletionTimestamp string }
	Spec     struct{ NodeName string }
	Status   struct{ PodIP string }
}

// Nodes are the names of all nodes, Ready or not.
func (k Kubectl) Nodes(ctx context.Context) ([]string, error) {
	list, err := k.nodes(ctx)
	var names []string
	for _, n := range list {
		names = append(names, n.Metadata.Name)
	}
	return names, err
}

func (k Kubectl) nodes(ctx context.Context) ([]node, error) {
	var list struct{ Items []node }
	err := k.get(ctx, &list, "nodes")
	return list.Items, err
}

// pods lists the pods of the manifest that are not on their way out.
func (k Kubectl) pods(ctx context.Context) ([]pod, error) {
	var list struct{ Items []pod }
	err := k.get(ctx, &list, "pods", "-n", namespace, "-l", "app=web")
	var stay []pod
	for _, p := range list.Items {
		if p.Metadata.DeletionTimestamp == "" {
			stay = append(stay, p)
		}
	}
	return stay, err
}

func (k Kubectl) get(ctx context.Context, into any, args ...string) error {
	out, err := k.run(ctx, "", append([]string{"get", "-o", "json", "--request-timeout", requestTimeout}, args...)...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(out), into)
}

// reply runs the web program's client in the pod until it prints something
// that starts with want: what has just started may need a moment.
func (k Kubectl) reply(ctx context.Context, p pod, want string, args ...string) error {
	argv := append([]string{"-n", namespace, "exec", p.Metadata.Name, "--", "/web"}, args...)
	return lab.WaitFor(ctx, replyWithin, strings.Join(args, " ")+" answers "+want, func(ctx context.Context) error {
		out, err := k.run(ctx, "", argv...)
		if err == nil && !strings.HasPrefix(out, want) {
			err = fmt.Errorf("it answered %q", out)
		}
		return err
	})
}
