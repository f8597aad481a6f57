#!/bin/sh
# Runs unit tests where much differs from where they were written: zone,
# language, umask, home, terminal, user and the day of the week. Run it in the
# top folder. If root does, the user is nobody, and the tests are in a copy of
# the tree, because nobody may be unable to read the tree itself.
set -eu

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
mkdir "$place/tree"
mkdir -m 1777 "$place/tmp"
tar -c --mode=a+rX --exclude=./.git --exclude=./.lab --exclude=./bin . | tar -xp -C "$place/tree"

# elsewhere runs a command in a package's folder. What the command prints is
# shown if it fails.
elsewhere() (
	cd "$place/tree/$1"
	shift
	umask 077
	env -i PATH="$PATH" TMPDIR="$place/tmp" TZ=Pacific/Kiritimati LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 \
		COLUMNS=40 SSH_AUTH_SOCK=/nonexistent "$@" >"$place/output" 2>&1 || {
		cat "$place/output"
		exit 1
	}
)

stranger=
if [ "$(id -u)" = 0 ]; then
	stranger="setpriv --reuid=nobody --regid=nogroup --clear-groups"
fi

large='-test.skip=ManyHosts|ThousandHosts|Mutations|FuzzLoad|OfAnything' # tests of size, which take long

for package in agent host/oshost host/oshost/probe state spec view/terminal view/document view/page executor run sshhost cmd/pmkctl; do
	test="$place/$(echo $package | tr / -).test"
	go test -c -o "$test" "./$package"
	chmod 755 "$test"
	case $package in
	sshhost) elsewhere $package HOME= TERM=dumb "$test" ;; # a real sshd runs commands for the user, and nobody has no shell
	agent | host/*) elsewhere $package HOME= TERM=dumb "$test" && elsewhere $package NO_COLOR=1 $stranger "$test" ;;
	*) elsewhere $package NO_COLOR=1 $stranger "$test" "$large" ;;
	esac
	echo "ok elsewhere: $package"
done

scripts=$(grep -l '^policy ' testdata/script/*.txtar | sed 's|.*/||; s|\.txtar$||' | paste -sd '|')
for day in 23 24 25 26 27 28 29; do # Monday to Sunday
	elsewhere cmd/pmkctl TEST_NOW="2026-11-${day}T22:30:00Z" "$place/cmd-pmkctl.test" -test.run "^TestScript\$/^($scripts)\$"
done
echo "ok every day: $scripts"
