#!/bin/sh
# Runs as the first process of a lab host, prepares what a container lacks and
# a machine has, and becomes systemd.
set -eu

# Docker gives a container its mounts privately; the kubelet hands volumes to
# pods through shared ones.
mount --make-rshared /

# On cgroup v1 Docker mounts the hierarchies read-only. Only "bind" changes
# this mount instead of the machine's.
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
	while read -r _ target type _; do
		case $type in
		cgroup | cgroup2) mount -o remount,bind,rw "$target" ;;
		esac
	done </proc/self/mounts
fi

# These settings are the machine's own, not the host's. A plain file with the
# value that a kubelet wants hides each of them. The last two are raised by
# systemd at boot.
fake() {
	mkdir -p "/run/pmk-lab/${1%/*}"
	printf '%s\n' "$2" >"/run/pmk-lab/$1"
	mount --bind "/run/pmk-lab/$1" "/proc/sys/$1"
}
fake vm/overcommit_memory 1
fake vm/panic_on_oom 0
fake kernel/panic 10
fake kernel/panic_on_oops 1
fake kernel/keys/root_maxkeys 1000000
fake kernel/keys/root_maxbytes 25000000
fake fs/file-max 9223372036854775807
fake fs/nr_open 1073741816

# The image has neither, so that no two hosts are the same.
if [ ! -s /etc/machine-id ]; then
	tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
fi
ssh-keygen -A >/dev/null

exec /sbin/init
