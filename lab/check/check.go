// Package check shows that a cluster works, by asking Kubernetes: nodes, pods
// on every pair of nodes, a Service by its name, logs, exec, and a pod that
// calls the API server. It does not depend on how the cluster was made.
package check

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/lab"
	"golang.org/x/sync/errgroup"
)

//go:embed web.yaml
var manifest string

const (
	namespace   = "pmk-check"
	service     = "http://web." + namespace + ".svc.cluster.local"
	readyWithin = 2 * time.Minute // for nodes and pods
	replyWithin = time.Minute     // for a first answer
	accepted    = "201"           // status of the API server for a valid token
	execsAtOnce = 4

	flannelPort   = ":8285"
	flannelDevice = "flannel0"
)

// Cluster checks a cluster whose nodes are exactly these hosts, and prints the
// results to out. Its pods stay. It may be repeated.
func Cluster(ctx context.Context, k Kubectl, hosts []lab.Host, out io.Writer) error {
	var nodes []string
	for _, h := range hosts {
		nodes = append(nodes, h.Name)
	}
	for _, c := range []struct {
		shows string
		check func() (string, error)
	}{
		{"nodes are Ready", func() (string, error) { return readyNodes(ctx, k, nodes) }},
		{"flannel's UDP backend serves every node", func() (string, error) { return backend(ctx, hosts) }},
		{"a pod runs on every node", func() (string, error) { return startPods(ctx, k, nodes) }},
		{"pods on different nodes answer each other", func() (string, error) { return pairs(ctx, k) }},
		{"a Service answers by its DNS name from inside a pod", func() (string, error) { return serviceByName(ctx, k) }},
		{"a pod calls the API server with its Service Account token", func() (string, error) { return token(ctx, k) }},
		{"kubectl logs", func() (string, error) { return logs(ctx, k) }},
		{"kubectl exec", func() (string, error) { return execs(ctx, k) }},
	} {
		saw, err := c.check()
		if err != nil {
			return fmt.Errorf("check that %s: %w", c.shows, err)
		}
		fmt.Fprintf(out, "check: %s: %s\n", c.shows, saw)
	}
	return nil
}

// readyNodes waits until the cluster has exactly these nodes, all Ready.
func readyNodes(ctx context.Context, k Kubectl, want []string) (string, error) {
	slices.Sort(want)
	err := lab.WaitFor(ctx, readyWithin, "all nodes are Ready", func(ctx context.Context) error {
		nodes, err := k.nodes(ctx)
		if err != nil {
			return err
		}
		var ready []string
		for _, n := range nodes {
			if n.ready() {
				ready = append(ready, n.Metadata.Name)
			}
		}
		slices.Sort(ready)
		if len(nodes) != len(want) || !slices.Equal(ready, want) {
			return fmt.Errorf("of %d nodes Ready are %v, want %v", len(nodes), ready, want)
		}
		return nil
	})
	return strings.Join(want, " "), err
}

// backend checks on every host that flanneld holds the port of its UDP backend,
// and that the pod network is routed through its device. Node annotations do
// not show this for the UDP backend.
func backend(ctx context.Context, hosts []lab.Host) (string, error) {
	for _, h := range hosts {
		held, err := h.Exec(ctx, "ss", "-Hlunp", "sport", "=", flannelPort)
		if err != nil {
			return "", err
		}
		if !strings.Contains(held, h.Address+flannelPort) || !strings.Contains(held, `"flanneld"`) {
			return "", fmt.Errorf("%s: flanneld does not hold udp %s%s, but: %q", h.Name, h.Address, flannelPort, held)
		}
		routes, err := h.Exec(ctx, "ip", "-4", "route", "show", "dev", flannelDevice)
		if err != nil {
			return "", err
		}
		if !strings.Contains(routes, "/") {
			return "", fmt.Errorf("%s: no network is routed through %s: %q", h.Name, flannelDevice, routes)
		}
	}
	return "device " + flannelDevice + ", port 8285/udp", nil
}

// startPods waits for a ready pod on every node.
func startPods(ctx context.Context, k Kubectl, nodes []string) (string, error) {
	if _, err := k.run(ctx, manifest, "apply", "-f", "-"); err != nil {
		return "", err
	}
	within := "--timeout=" + readyWithin.String()
	if _, err := k.run(ctx, "", "-n", namespace, "rollout", "status", "daemonset/web", within); err != nil {
		return "", err
	}
	pods, err := k.pods(ctx)
	if err == nil && len(pods) != len(nodes) {
		err = fmt.Errorf("%d pods run, want %d", len(pods), len(nodes))
	}
	return fmt.Sprintf("%d pods", len(pods)), err
}

// pairs lets every pod ask every pod on another node for its name.
func pairs(ctx context.Context, k Kubectl) (string, error) {
	pods, err := k.pods(ctx)
	if err != nil {
		return "", err
	}
	n := 0
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(execsAtOnce)
	for _, from := range pods {
		for _, to := range pods {
			if from.Spec.NodeName == to.Spec.NodeName {
				continue
			}
			n++
			g.Go(func() error {
				err := k.reply(ctx, from, to.Metadata.Name, "get", "http://"+to.Status.PodIP+":8080")
				if err != nil {
					return fmt.Errorf("%s -> %s: %w", from.Spec.NodeName, to.Spec.NodeName, err)
				}
				return nil
			})
		}
	}
	return fmt.Sprintf("%d pairs", n), g.Wait()
}

// serviceByName lets every pod ask the Service.
func serviceByName(ctx context.Context, k Kubectl) (string, error) {
	pods, err := k.pods(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range pods {
		if err := k.reply(ctx, p, "web-", "get", service); err != nil {
			return "", fmt.Errorf("from %s: %w", p.Spec.NodeName, err)
		}
	}
	return service, nil
}

func token(ctx context.Context, k Kubectl) (string, error) {
	pods, err := k.pods(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range pods {
		if err := k.reply(ctx, p, accepted, "token"); err != nil {
			return "", fmt.Errorf("from %s: %w", p.Spec.NodeName, err)
		}
	}
	return "status " + accepted, nil
}

func logs(ctx context.Context, k Kubectl) (string, error) {
	pods, err := k.pods(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range pods {
		out, err := k.run(ctx, "", "-n", namespace, "logs", p.Metadata.Name)
		if err == nil && !strings.Contains(out, "listening on") {
			err = errors.New("the log lacks what the pod printed")
		}
		if err != nil {
			return "", fmt.Errorf("of the pod on %s: %w", p.Spec.NodeName, err)
		}
	}
	return fmt.Sprintf("%d pods", len(pods)), nil
}

// execs runs a command in the pod on every node.
func execs(ctx context.Context, k Kubectl) (string, error) {
	pods, err := k.pods(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range pods {
		if err := k.reply(ctx, p, p.Metadata.Name, "get", "http://localhost:8080"); err != nil {
			return "", fmt.Errorf("in the pod on %s: %w", p.Spec.NodeName, err)
		}
	}
	return fmt.Sprintf("%d pods", len(pods)), nil
}
