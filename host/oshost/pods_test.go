package oshost

import "testing"

func TestInPod(t *testing.T) {
	for cgroups, want := range map[string]bool{
		"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice/cri-containerd-2.scope\n": true,
		"9:name=systemd:/kubepods/burstable/pod1/2\n8:pids:/\n":                                                true,
		"0::/system.slice/containerd.service\n":                                                                false,
		"0::/docker/1/kubepods.slice/kubepods-pod1.slice/x\n":                                                  false,
		"0::/kubepods.slice\n":        false,
		"0::/kubepods-mine.slice/x\n": false,
		"":                            false,
	} {
		if got := inPod(cgroups); got != want {
			t.Errorf("%q: got %t, want %t", cgroups, got, want)
		}
	}
}

func TestIsShim(t *testing.T) {
	for argv, want := range map[string]bool{
		"/usr/local/bin/containerd-shim-runc-v2\x00-namespace\x00k8s.io\x00-id\x001\x00": true,
		"/usr/bin/containerd-shim-runc-v2\x00-namespace\x00moby\x00-id\x001\x00":         false,
		"/usr/local/bin/containerd-shim-runc-v2\x00-namespace":                           false,
		"/usr/bin/grep\x00-namespace\x00k8s.io":                                          false,
		"":                                                                               false,
	} {
		if got := isShim([]byte(argv)); got != want {
			t.Errorf("%q: got %t, want %t", argv, got, want)
		}
	}
}
