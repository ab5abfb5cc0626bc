# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# A machine for tests of what is installed: the Debian release that this host
# runs, made by debootstrap, booted with systemd as its first process, in
# namespaces of its own, network included. The root directory is kept under
# $BUILD/machine for the next run; a machine writes to an overlay in memory, so
# that each run finds the root as debootstrap left it. Whoever sources it has
# test/integration/lib.sh.
#
# machine_enter ARG...    goes on as $0 ARG... in namespaces that end whatever
#                         is started; skips where they are refused. Call it
#                         first
# machine_boot            returns once systemd has started all of it
# machine CMD...          runs CMD inside
# machine_net CMD...      runs CMD of this host in the machine's network
# machine_on CMD...       the same for start NAME
# machine_put FILE [MODE] writes standard input to FILE inside
# machine_root            the machine's root directory, as seen from here

machine_dir=$BUILD/machine
machine_includes=systemd,systemd-sysv,dbus,logrotate
machine_includes+=,libbsd0,libinih1,liburcu8,libjansson4,libmicrohttpd12
machine_includes+=,libc-ares2,libssl3
machine_includes+=,libncursesw6
machine_init=	# the process id of the machine's systemd
machine_cgroup=

machine_enter() # ARG...
{
	local how=(unshare -m --propagation private -p --fork --kill-child
	    --mount-proc) program

	PATH=$PATH:/usr/sbin:/sbin
	if [ -n "${MACHINE_INSIDE:-}" ]; then
		trap 'machine_leave $?' EXIT
		return
	fi
	"${how[@]}" -n -u -i true 2>/dev/null || skip "no namespaces for root"
	for program in debootstrap systemd-nspawn nsenter; do
		command -v $program >/dev/null ||
			fail "no $program: scripts/setup test installs it"
	done
	trap - EXIT
	t_is_ours=${t_is_ours:-} MACHINE_INSIDE=1 exec "${how[@]}" "$0" "$@"
}

# Prints where this host has its packages of release $1 from.
machine_mirror()
{
	local mirror

	# shellcheck disable=SC2016 # it is apt-get that fills them in
	mirror=$(apt-get indextargets --format '$(REPO_URI)' \
	    'Created-By: Packages' "Codename: $1" 'Component: main' \
	    'Origin: Debian' 2>/dev/null | head -n 1) || true
	echo "${mirror:-http://deb.debian.org/debian}"
}

# The root directory, from the mirror unless there is one. Packages are unpacked
# in memory: dpkg waits for a disk at each file.
machine_make()
{
	local release made=$machine_dir/root memory=$T/machine

	# shellcheck disable=SC1091
	release=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
	# another one when it has other packages
	made+=-$release-$(cksum <<<"$machine_includes" | cut -d ' ' -f 1)
	if [ -e "$made/etc/debian_version" ]; then
		machine_dir=$made
		return
	fi
	mkdir -p "$machine_dir" "$memory"
	mount -t tmpfs -o size=1g,mode=755 machine "$memory"
	debootstrap --variant=minbase --include="$machine_includes" \
	    "$release" "$memory/root" "$(machine_mirror "$release")" \
	    >"$T/debootstrap.log" 2>&1 || fail "debootstrap has failed"
	rm -rf "$memory/root/var/cache/apt/archives" \
	    "$memory/root/var/lib/apt/lists" "$memory/root/usr/share/doc" \
	    "$memory/root/usr/share/locale" "$made.new"
	cp -a "$memory/root" "$made.new"
	umount "$memory"
	mv "$made.new" "$made"
	machine_dir=$made
}

# systemd-nspawn finds one hierarchy of cgroups, of version 2, whatever the host
# has, and is in a group of its own; what it mounts on /run is seen here alone.
machine_spawn()
{
	echo 0 >"$machine_cgroup/cgroup.procs"
	exec systemd-nspawn --quiet --register=no --keep-unit \
	    --directory="$machine_dir" --volatile=overlay --private-network \
	    --hostname=lb4 --console=pipe --boot
}

machine_find() # true once its first process is systemd
{
	local pid

	pid=$(pid_of machine)
	# the one line has no end
	read -r machine_init _ <"/proc/$pid/task/$pid/children" || true
	[ "$(cat "/proc/${machine_init:-0}/comm" 2>/dev/null)" = systemd ] &&
	    [ "$(readlink "/proc/$machine_init/ns/pid")" != \
		"$(readlink /proc/self/ns/pid)" ]
}

machine_is_up()
{
	local state

	state=$(machine systemctl is-system-running 2>/dev/null) || true
	[ "$state" = running ] || [ "$state" = degraded ]
}

machine_boot()
{
	machine_make
	mount -t tmpfs tmpfs /run
	umount -lR /sys/fs/cgroup 2>/dev/null || true
	mount -t cgroup2 none /sys/fs/cgroup || skip "no cgroups for root"
	machine_cgroup=$(mktemp -d /sys/fs/cgroup/lb4-machine.XXXXXX)
	start machine machine_spawn
	wait_for 'machine_find || ! running machine' 20
	running machine || fail "systemd-nspawn has failed"
	wait_for machine_is_up 60
}

machine()
{
	local path=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin

	nsenter -t "$machine_init" -m -u -i -n -p -C -r -w -- env -i \
	    PATH=$path TERM=dumb SYSTEMD_PAGER=cat "$@"
}

# An exec, so that the process id is the command's.
machine_on()
{
	exec nsenter -t "$machine_init" -n -- "$@"
}

machine_net()
{
	(machine_on "$@")
}

machine_put() # FILE [MODE]
{
	machine install -m "${2:-644}" /dev/stdin "$1"
}

machine_root()
{
	echo "/proc/$machine_init/root"
}

# Ends the machine, all of it at once, and removes what is left of its cgroups.
machine_leave() # STATUS
{
	trap - EXIT
	set +e
	[ -z "$machine_init" ] || kill -KILL "$machine_init" 2>/dev/null
	if running machine; then
		(wait_for "! running machine" 5) || true
	fi
	[ -z "$machine_cgroup" ] ||
		find "$machine_cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
	on_exit "$1"
}
