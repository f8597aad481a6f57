package oshost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host"
)

// gateway answers as etcd 3.6.8 does.
func gateway(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	var s *httptest.Server
	mux.HandleFunc("POST /v3/cluster/member/list", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"header":{"cluster_id":"324952591200643719", "member_id":"3319814642761637952", "raft_term":"2"}, "members":[`+
			`{"ID":"3319814642761637952", "name":"cp-1", "peerURLs":["http://x:2380"], "clientURLs":[%q]},`+
			`{"ID":"18446744073709551615", "name":"etcd-2", "clientURLs":["http://127.0.0.1:1"]},`+
			`{"ID":"3", "peerURLs":["http://y:2380"], "isLearner":true}]}`, s.URL)
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "serializable=true" {
			t.Errorf("asked for %s: a member without a majority would not answer", r.URL)
		}
		fmt.Fprint(w, `{"health":"true","reason":""}`)
	})
	mux.HandleFunc("POST /v3/cluster/member/remove", func(w http.ResponseWriter, r *http.Request) {
		switch body, _ := io.ReadAll(r.Body); string(body) {
		case `{"ID":"3"}`:
			fmt.Fprint(w, `{"header":{}}`)
		case `{"ID":"4"}`:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"code":5, "message":"etcdserver: member not found"}`)
		default:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"code":9, "message":"etcdserver: re-configuration failed due to not enough started members"}`)
		}
	})
	s = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestEtcd(t *testing.T) {
	ctx, h, s := context.Background(), &Host{}, gateway(t)
	r := host.EtcdRequest{Endpoints: []string{"http://127.0.0.1:1", s.URL}} // the first does not answer
	got, err := h.EtcdMembers(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 3 && strings.Contains(got[1].Why, "connection refused") {
		got[1].Why = "connection refused"
	}
	want := []host.EtcdMember{
		{ID: "3319814642761637952", Name: "cp-1", Clients: []string{s.URL}, Healthy: true},
		{ID: "18446744073709551615", Name: "etcd-2", Clients: []string{"http://127.0.0.1:1"}, Why: "connection refused"},
		{ID: "3", Learner: true, Why: "it has never been started"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for id, want := range map[string]string{"3": "", "4": "", "5": "remove etcd's member 5: etcd says 400 Bad Request: etcdserver: re-configuration failed"} {
		if err := h.EtcdRemove(ctx, r, id); fmt.Sprint(err) != "<nil>" && (want == "" || !strings.HasPrefix(err.Error(), want)) || err == nil && want != "" {
			t.Errorf("remove %s: got %v, want %q", id, err, want)
		}
	}
	if _, err := h.EtcdMembers(ctx, host.EtcdRequest{Endpoints: []string{"http://127.0.0.1:1"}}); !errors.Is(err, host.ErrUnavailable) {
		t.Errorf("of nobody: got %v", err)
	}
}
