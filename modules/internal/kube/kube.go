// Package kube makes the requests to the API server that modules need, through a
// control-plane host. It knows no kinds: objects are maps.
package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// FieldManager is the name under which pmkctl owns fields.
const FieldManager = "pmkctl"

// An Object is an object of the API, as JSON or YAML has it.
type Object = map[string]any

// A StatusError is an answer with a status of 300 or more.
type StatusError struct {
	Method, Path string
	Code         int
	Message      string // of the API server
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: %d %s: %s", e.Method, e.Path, e.Code, http.StatusText(e.Code), e.Message)
}

func status(err error) int {
	var s *StatusError
	if errors.As(err, &s) {
		return s.Code
	}
	return 0
}

// Message returns the message of the API server from an error, or the whole text of
// an error that is no StatusError.
func Message(err error) string {
	var s *StatusError
	if errors.As(err, &s) {
		return s.Message
	}
	return err.Error()
}

// NotFound reports whether err says that the object does not exist.
func NotFound(err error) bool { return status(err) == http.StatusNotFound }

// Refused reports whether err says that the API server refuses for now: a
// disruption budget does not allow the eviction of a pod.
func Refused(err error) bool { return status(err) == http.StatusTooManyRequests }

// Passing reports whether the same request may succeed a little later: the API
// server is down or still starting, or a namespace does not exist yet.
func Passing(err error) bool {
	switch code := status(err); {
	case errors.Is(err, host.ErrUnavailable):
		return true
	case code == http.StatusNotFound, code == http.StatusConflict, code == http.StatusTooManyRequests:
		return true
	default:
		return code >= 500
	}
}

// Get reads an object.
func Get(ctx context.Context, h host.KubeClient, path string) (Object, error) {
	return do(ctx, h, host.KubeRequest{Method: http.MethodGet, Path: path})
}

// Apply sets the fields of an object by server-side apply. It removes fields that an
// earlier Apply has set and o does not have.
func Apply(ctx context.Context, h host.KubeClient, path string, o Object) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	q := url.Values{"fieldManager": {FieldManager}, "force": {"true"}}
	_, err = do(ctx, h, host.KubeRequest{Method: http.MethodPatch, Path: path + "?" + q.Encode(),
		ContentType: "application/apply-patch+yaml", Body: body})
	return err
}

// Merge patches an object by RFC 7386.
func Merge(ctx context.Context, h host.KubeClient, path string, patch Object) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = do(ctx, h, host.KubeRequest{Method: http.MethodPatch, Path: path + "?fieldManager=" + FieldManager,
		ContentType: "application/merge-patch+json", Body: body})
	return err
}

// Create posts an object to a collection, or to a subresource.
func Create(ctx context.Context, h host.KubeClient, path string, o Object) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = do(ctx, h, host.KubeRequest{Method: http.MethodPost, Path: path, ContentType: "application/json", Body: body})
	return err
}

// Delete deletes an object. It may be repeated.
func Delete(ctx context.Context, h host.KubeClient, path string) error {
	_, err := do(ctx, h, host.KubeRequest{Method: http.MethodDelete, Path: path})
	if NotFound(err) {
		return nil
	}
	return err
}

// PodsOn returns the pods that are bound to a node.
func PodsOn(ctx context.Context, h host.KubeClient, node string) ([]Object, error) {
	list, err := Get(ctx, h, "/api/v1/pods?"+url.Values{"fieldSelector": {"spec.nodeName=" + node}}.Encode())
	if err != nil {
		return nil, err
	}
	items, _ := list["items"].([]any)
	var pods []Object
	for _, i := range items {
		if p, ok := i.(map[string]any); ok {
			pods = append(pods, p)
		}
	}
	return pods, nil
}

func do(ctx context.Context, h host.KubeClient, r host.KubeRequest) (Object, error) {
	answer, err := h.Kube(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	var o Object
	if err := json.Unmarshal(answer.Body, &o); err != nil && answer.Status < 300 {
		return nil, fmt.Errorf("%s %s: read the answer: %w", r.Method, r.Path, err)
	}
	if answer.Status >= 300 {
		message, _ := o["message"].(string)
		return nil, &StatusError{Method: r.Method, Path: r.Path, Code: answer.Status, Message: message}
	}
	return o, nil
}

// WhileDown returns the action of a change that must wait for the API server of h:
// Add if h has no API server yet. If the server is only down, the action is not
// known.
func WhileDown(ctx context.Context, h host.UnitReader) (change.Action, error) {
	units, err := h.Units(ctx, []string{"kube-apiserver.service"})
	if err != nil || units[0].Load == "loaded" {
		return "", err
	}
	return change.Add, nil
}

// Field follows keys into an object. It returns nil if one is missing.
func Field(o any, keys ...string) any {
	for _, k := range keys {
		m, _ := o.(map[string]any)
		o = m[k]
	}
	return o
}

// Text returns Field as a string; "" if it is no string.
func Text(o any, keys ...string) string {
	s, _ := Field(o, keys...).(string)
	return s
}

// A Condition is an entry of an object's status.conditions.
type Condition struct {
	Status, Reason, Message string
	Heartbeat               string // when the condition was reported last
}

// ConditionOf finds a condition by its type. It is zero if there is none.
func ConditionOf(o Object, kind string) Condition {
	list, _ := Field(o, "status", "conditions").([]any)
	for _, c := range list {
		if Text(c, "type") == kind {
			return Condition{Status: Text(c, "status"), Reason: Text(c, "reason"), Message: Text(c, "message"), Heartbeat: Text(c, "lastHeartbeatTime")}
		}
	}
	return Condition{}
}
