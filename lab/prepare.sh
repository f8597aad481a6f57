#!/bin/sh
# Makes a booted lab host reachable: prepare USER BECOME, with the public key
# and the sudo password as two lines on standard input. Prints the host's
# public keys. May be run again.
set -eu
user=$1
become=$2
read -r key
read -r password

if ! id "$user" >/dev/null 2>&1; then
	useradd --create-home --shell /bin/bash "$user"
fi
case $become in
password)
	usermod --append --groups sudo "$user"
	printf '%s:%s\n' "$user" "$password" | chpasswd
	;;
nopasswd)
	printf '%s ALL=(ALL:ALL) NOPASSWD: ALL\n' "$user" >/etc/sudoers.d/pmk-lab
	chmod 0440 /etc/sudoers.d/pmk-lab
	;;
esac

home=$(getent passwd "$user" | cut -d: -f6)
install -d -m 0700 -o "$user" -g "$user" "$home/.ssh"
printf '%s\n' "$key" >"$home/.ssh/authorized_keys"
chown "$user:$user" "$home/.ssh/authorized_keys"
chmod 0600 "$home/.ssh/authorized_keys"

cat /etc/ssh/ssh_host_*_key.pub
