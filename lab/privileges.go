package lab

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// capabilities are those of Linux in the order of their numbers, with Docker's
// names. The last three are unknown to Docker 20.10, which Debian 12 has, and
// no host needs them.
var capabilities = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
	"SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
}

// privileges returns the arguments of docker run that let systemd, containerd
// and a kubelet work in a container. This is --privileged, or all capabilities
// that the machine has if it lacks some itself.
func privileges() ([]string, error) {
	have, err := boundingSet("/proc/self/status")
	if err != nil {
		return nil, err
	}
	return privilegesOf(have), nil
}

func privilegesOf(have uint64) []string {
	all := uint64(1)<<len(capabilities) - 1
	if have&all == all {
		return []string{"--privileged"}
	}
	args := []string{
		"--security-opt", "seccomp=unconfined",
		"--security-opt", "apparmor=unconfined",
		"--security-opt", "systempaths=unconfined",
		"--device", "/dev/net/tun",
		"--device", "/dev/kmsg",
	}
	for i, name := range capabilities {
		if have&(1<<i) != 0 {
			args = append(args, "--cap-add", name)
		}
	}
	return args
}

// boundingSet returns the capability bounding set in a process's status.
func boundingSet(status string) (uint64, error) {
	b, err := os.ReadFile(status)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if hex, ok := strings.CutPrefix(line, "CapBnd:"); ok {
			return strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		}
	}
	return 0, fmt.Errorf("read %s: no CapBnd in it", status)
}
