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

// A Kubectl gives access to the cluster.
type Kubectl struct {
	Program    string
	Kubeconfig string
}

// requestTimeout is shorter than the waits of the checks, so that kubectl
// itself reports what does not answer.
const requestTimeout = "20s"

// run runs kubectl with stdin and returns its standard output. An error
// contains its standard error. A refusal by the API server is final.
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

// refused reports whether the API server has denied access.
func refused(said string) bool {
	return strings.Contains(said, "(Forbidden)") || strings.Contains(said, "Unauthorized") || strings.Contains(said, "You must be logged in")
}

// A node is the part of a Node that is read here.
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

// readySince returns the time since when the node is Ready; zero if it is not.
func (n node) readySince() time.Time {
	for _, c := range n.Status.Conditions {
		if c.Type == "Ready" && c.Status == "True" {
			return c.LastTransitionTime
		}
	}
	return time.Time{}
}

// A pod is the part of a Pod that is read here.
type pod struct {
	Metadata struct{ Name, DeletionTimestamp string }
	Spec     struct{ NodeName string }
	Status   struct{ PodIP string }
}

// Nodes returns the names of all nodes, Ready or not.
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

// pods returns the pods of the manifest, without those that are being deleted.
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

// reply runs the client of the web program in the pod until its output starts
// with want. Programs that have just started may need several attempts.
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
