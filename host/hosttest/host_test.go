package hosttest

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/pmkctl/pmkctl/host"
)

var ctx = context.Background()

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func stat(t *testing.T, h *Host, p string) host.File {
	t.Helper()
	f, err := h.Files(ctx, []host.FileQuery{{Path: p, Content: true, Digest: true, List: true}})
	check(t, err)
	return f[0]
}

func TestServiceLife(t *testing.T) {
	h := New("cp-1")
	unit := func() host.Unit {
		u, err := h.Units(ctx, []string{"x.service"})
		check(t, err)
		return u[0]
	}
	if u := unit(); u.Load != "not-found" || u.Enabled != "" {
		t.Errorf("got %+v", u)
	}
	check(t, h.WriteFile(ctx, host.FileSpec{Path: "/etc/systemd/system/x.service", Mode: 0o644,
		Content: []byte("[Service]\nExecStart=/usr/local/bin/x\n[Install]\nWantedBy=multi-user.target\n")}))
	if err := h.Unit(ctx, "x.service", host.Start); err == nil {
		t.Error("started before reload")
	}
	check(t, h.Unit(ctx, "", host.Reload))
	check(t, h.Unit(ctx, "x.service", host.Enable))
	if err := h.Unit(ctx, "x.service", host.Start); err == nil {
		t.Error("started without its program")
	}
	if u := unit(); u.Active != "failed" || u.Result != "exit-code" {
		t.Errorf("got %+v", u)
	}
	WithPrograms("x")(h.Admin())
	check(t, h.Unit(ctx, "x.service", host.Start))
	if u := unit(); u.Active != "active" || u.Enabled != "enabled" || u.MainPID == 0 || u.NeedReload || !u.ActiveEnter.After(u.UnitTime) {
		t.Errorf("got %+v", u)
	}
}

func TestFilesRefuse(t *testing.T) {
	h := New("cp-1")
	err := h.WriteFile(ctx, host.FileSpec{Path: "/etc/none/x", Mode: 0o644})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := h.WriteFile(ctx, host.FileSpec{Path: "/etc/x", Owner: "etcd"}); err == nil {
		t.Error("wrote a file of an unknown user")
	}
	check(t, h.WriteFile(ctx, host.FileSpec{Path: "/etc/sysusers.d/a.conf", Mode: 0o644, Content: []byte("u etcd - \"etcd server\" /var/lib/etcd\n")}))
	_, err = h.Run(ctx, []string{"systemd-sysusers"}, nil)
	check(t, err)
	check(t, h.WriteFile(ctx, host.FileSpec{Path: "/etc/x", Mode: 0o600, Owner: "etcd", Group: "etcd"}))
	if f := stat(t, h, "/etc/x"); f.Owner != "etcd" || f.Mode != 0o600 || f.Type != host.Regular {
		t.Errorf("got %+v", f)
	}
}

func TestCluster(t *testing.T) {
	cp, worker := New("cp-1", WithAddress("192.0.2.11")), New("worker-1", WithAddress("192.0.2.12"))
	NewCluster(cp, worker)
	if _, err := cp.Kube(ctx, host.KubeRequest{Method: "GET", Path: "/api/v1/nodes"}); !errors.Is(err, host.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	WithService("kube-apiserver", "kubelet")(cp.Admin())
	WithService("kubelet", "flanneld")(worker.Admin())
	r, err := cp.Kube(ctx, host.KubeRequest{Method: "GET", Path: "/api/v1/nodes/worker-1"})
	check(t, err)
	if r.Status != 200 {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	if f := stat(t, worker, "/run/flannel/subnet.env"); f.Type != host.Regular {
		t.Error("flanneld has no subnet")
	}
	t.Log(worker.Snapshot())
}
