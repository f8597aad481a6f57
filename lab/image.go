package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// hostPackages are the packages of a host besides Debian's smallest system:
// those of Debian's cloud images, and python3 for tests that run on hosts.
const hostPackages = "systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,iptables,nftables,kmod,procps,ca-certificates,iputils-ping,conntrack,ethtool,socat,python3"

// suite is bookworm, because its systemd is the last one that boots with cgroup
// v1.
const suite = "bookworm"

// cleanUp are hooks of mmdebstrap. They remove from the image what would make
// hosts alike or large. The two sysctl.d files are removed because they set
// values of the machine.
var cleanUp = []string{
	`rm -f "$1"/etc/ssh/ssh_host_*`,
	`: > "$1"/etc/machine-id`,
	`rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/usr/share/doc/* "$1"/usr/share/man/*`,
	`rm -f "$1"/usr/lib/sysctl.d/50-pid-max.conf "$1"/usr/lib/sysctl.d/99-protect-links.conf "$1"/etc/resolv.conf "$1"/etc/hostname`,
}

// masked are units that would act on the machine instead of the host, or have
// no use on a host.
var masked = []string{
	"systemd-udevd.service", "systemd-udevd-kernel.socket", "systemd-udevd-control.socket", "systemd-udev-trigger.service",
	"systemd-modules-load.service", "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "systemd-random-seed.service",
	"sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "dev-hugepages.mount", "dev-mqueue.mount",
	"getty.target", "console-getty.service", "systemd-remount-fs.service",
	"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer",
}

//go:embed entry.sh
var entryScript []byte

//go:embed prepare.sh
var prepareScript []byte

const (
	entryPath   = "/usr/local/lib/pmk-lab/entry"
	preparePath = "/usr/local/lib/pmk-lab/prepare"
)

// imageKey returns a key that changes with everything that the base system is
// made from.
func imageKey() string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{suite, hostPackages}, cleanUp...), "\n")))
	return fmt.Sprintf("%.6x", sum)
}

// ensureImage returns the name of the image of the base system. If the image is
// missing, it is made from the archive in the cache folder, and a missing
// archive is made by mmdebstrap.
func ensureImage(ctx context.Context, cache string, out io.Writer) (string, error) {
	name := "pmk-lab:" + imageKey()
	if have, err := docker(ctx, "images", "--quiet", name); err != nil || have != "" {
		return name, err
	}
	archive := filepath.Join(cache, "host-"+suite+"-"+imageKey()+".tar")
	if _, err := os.Stat(archive); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(out, "lab: making the hosts' base system from Debian %s packages, about a minute\n", suite)
		if err := bootstrap(ctx, archive); err != nil {
			return "", err
		}
	}
	_, err := docker(ctx, "import", "--change", "LABEL "+label+"=", archive, name)
	return name, err
}

// bootstrap writes the base system to archive. The file appears only when it is
// complete.
func bootstrap(ctx context.Context, archive string) error {
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
		return err
	}
	tmp := strings.TrimSuffix(archive, ".tar") + ".new.tar"
	args := []string{"--variant=minbase", "--include=" + hostPackages}
	for _, hook := range cleanUp {
		args = append(args, "--customize-hook="+hook)
	}
	start := time.Now()
	if _, err := command(ctx, nil, "mmdebstrap", append(args, suite, tmp)...); err != nil {
		return fmt.Errorf("make the base system (%.0f s): %w", time.Since(start).Seconds(), err)
	}
	return os.Rename(tmp, archive)
}

// hostFiles returns a tar of the files that are put over the image of every lab
// host before it boots.
func hostFiles() (*bytes.Buffer, error) {
	var buf bytes.Buffer
	t := tar.NewWriter(&buf)
	var errs []error
	file := func(name string, mode int64, content []byte) {
		errs = append(errs, t.WriteHeader(&tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: mode, Size: int64(len(content)), Typeflag: tar.TypeReg}))
		_, err := t.Write(content)
		errs = append(errs, err)
	}
	file(entryPath, 0o755, entryScript)
	file(preparePath, 0o755, prepareScript)
	// Otherwise each host would read the whole kernel log of the machine.
	file("/etc/systemd/journald.conf.d/pmk-lab.conf", 0o644, []byte("[Journal]\nReadKMsg=no\n"))
	for _, unit := range masked {
		errs = append(errs, t.WriteHeader(&tar.Header{Name: "etc/systemd/system/" + unit, Linkname: "/dev/null", Typeflag: tar.TypeSymlink, Mode: 0o777}))
	}
	err := errors.Join(append(errs, t.Close())...)
	return &buf, err
}
