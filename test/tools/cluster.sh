# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# Clusters of lb4 nodes in network namespaces, with the files of etc/examples:
# what the tests of failover and the demo share. Whoever sources it has, as
# test/integration/lib.sh and scripts/demo-scenes/ha do:
#   T, LB4, LB4CTL, TOOLS, MODE     a directory, the programs, the relay mode
#   start NAME CMD..., stop NAME [SIGNAL], pid_of NAME, running NAME
#                                   processes by name; each logs to $T/NAME.log
#   wait_for CMD [SECONDS], fail MSG, skip MSG
#
# Within, a node is `lba`, `lbb` or `lbc`: that is its namespace and its lb4's
# name; its watcher is `watch-lba`, its engine `ka-lba`. A backend, `a1` to
# `b2`, has a namespace too. Interface eth0 of namespace x hangs on a bridge as
# x-eth0: the bridges are in the namespace of the script itself.
#
# cluster_enter ARG...  goes on as $0 ARG... in namespaces of its own, where all
#                       that is started ends with it; call it first
# cluster_needs CMD...  skips if one is missing
# on NS CMD..., in_ns NS CMD...   there: for start NAME; as a command
# ns_new NS..., bridge_new NAME..., plug NS INTERFACE BRIDGE
# backends_new          a1, a2, b1, b2 on the bridge `back`
# backend_up NAME       its server
# vrrp_new NODE...      front, back, client, backends and nodes: all but running
# node_up NODE          its lb4, watcher and keepalived; node_files NODE before
# lb4_up, watch_up, keepalived_up NODE
# ctl NODE ARG...       lb4ctl for it
# lb4_upgrade NODE [PATH]   `lb4ctl upgrade` there; prints what it says; wants
#                       adopt NAME PID too, for NAME's process is another now
# blinks NODE           how often its watcher has said that it is not ready
# up_count NODE         how many backends, in all services, it sees up
# health_is NODE 0|1    what its watcher says
# transitions           how often keepalived has entered a state, on all nodes
# holds NODE ADDRESS, owners ADDRESS (each with a space behind), one_owner,
# followed ADDRESS      whether the client sends to its owner
# probe_start ADDRESS..., probe_end, then outage_of, attempts_of, failed_of,
#                       unconnected_of ADDRESS: what a client of 100 conns a
#                       second notices; an ADDRESS may end in @PORT
# probes_stop ADDRESS...   ends what probe_end only pauses
# flood_new [BALANCE]   before node_up: port 81 leads to servers of flood
# flood_start NAME MODE ADDRESS ARG..., flood_end NAME, then flood_of NAME KEY,
#                       broken_of NAME; flood_end wants reap NAME too
# picks ADDRESS FIRST COUNT [STEP]   who gets which backend
# shares ADDRESS        of the servers of flood; wants same WANT GOT WHAT too
# zone_lose ZONE, zone_back ZONE
# fault_X NODE, heal_X NODE  X: kill hang link back hole crash engine drain; see
#                       there
# median                of the lines of standard input

cluster_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
vrrp_dir=$cluster_dir/etc/examples/ha-vrrp
vip4=10.10.1.100 vip6=fd10:1::100
backends=(a1 a2 b1 b2)
nodes=()
declare -A zone=([lba]=a [lbb]=b [lbc]=b [a1]=a [a2]=a [b1]=b [b2]=b)
declare -A host=([lba]=11 [lbb]=12 [lbc]=13 [a1]=21 [a2]=22 [b1]=23 [b2]=24)
declare -A weight=() # of a flood server, if it is not 1
declare -A lb4_of=() # a node's own binary, if it is not $LB4
declare -A cut=()    # nodes that are cut off: what they hold is nobody's

# ---- namespaces and links ---------------------------------------------------

cluster_needs() # CMD...
{
	local program

	PATH=$PATH:/usr/sbin:/sbin
	for program in ip bridge nsenter unshare "$@"; do
		command -v "$program" >/dev/null || skip "no $program"
	done
}

# A process namespace, if it can be had, ends what a killed test would leave.
cluster_enter() # ARG...
{
	local how=(unshare -rnm --propagation private)

	if [ -n "${CLUSTER_INSIDE:-}" ]; then
		mount -t tmpfs tmpfs /run
		mkdir /run/netns
		ip link set lo up
		return
	fi
	"${how[@]}" true 2>/dev/null || skip "no namespaces for this user"
	if "${how[@]}" -p --fork --mount-proc true 2>/dev/null; then
		how+=(-p --fork --kill-child --mount-proc)
	fi
	trap - EXIT
	t_is_ours=${t_is_ours:-} CLUSTER_INSIDE=1 exec "${how[@]}" "$0" "$@"
}

# An exec, so that the process id is the command's.
on()
{
	exec nsenter --net="/run/netns/$1" -- "${@:2}"
}

in_ns()
{
	(on "$@")
}

ns_new() # NS...
{
	local ns

	for ns; do
		ip netns add "$ns"
		# or link-local addresses cannot be used for a second or two
		in_ns "$ns" sysctl -qw net.ipv6.conf.default.accept_dad=0
		ip -n "$ns" link set lo up
	done
}

bridge_new() # NAME...
{
	local name

	for name; do
		ip link add "$name" type bridge stp_state 0 forward_delay 0
		ip link set "$name" up
	done
}

plug() # NS INTERFACE BRIDGE
{
	ip link add "$1-$2" type veth peer name "$2" netns "$1"
	ip link set "$1-$2" master "$3" up
	# an address of IPv6 outlives the link's loss
	in_ns "$1" sysctl -qw "net.ipv6.conf.$2.keep_addr_on_down=1"
	ip -n "$1" link set "$2" up
}

# ---- backends ---------------------------------------------------------------

backend_up() # NAME
{
	start "$1" on "$1" "$TOOLS/hello" -l "10.10.2.${host[$1]}:8080" \
	    -n "$1"
}

backends_new()
{
	local name

	for name in "${backends[@]}"; do
		ns_new "$name"
		plug "$name" eth1 back
		ip -n "$name" addr add "10.10.2.${host[$name]}/24" dev eth1
		backend_up "$name"
	done
}

# ---- a cluster under keepalived ---------------------------------------------

# The client stands for many: the addresses of 10.77.0.0/16 and fd77::/16 too.
vrrp_new() # NODE...
{
	local node

	nodes=("$@")
	bridge_new front back
	ns_new client
	plug client eth0 front
	ip -n client addr add 10.10.1.2/24 dev eth0
	ip -n client addr add fd10:1::2/64 dev eth0 nodad
	ip -n client route add local 10.77.0.0/16 dev lo
	ip -n client route add local fd77::/16 dev lo
	in_ns client sysctl -qw net.ipv6.ip_nonlocal_bind=1
	for node in "${nodes[@]}"; do
		ns_new "$node"
		in_ns "$node" sysctl -qp "$vrrp_dir/50-lb4-vrrp.conf"
		plug "$node" eth0 front
		plug "$node" eth1 back
		ip -n "$node" addr add "10.10.1.${host[$node]}/24" dev eth0
		ip -n "$node" addr add "fd10:1::${host[$node]}/64" dev eth0 \
		    nodad
		ip -n "$node" addr add "10.10.2.${host[$node]}/24" dev eth1
		ip -n "$node" route add 10.77.0.0/16 via 10.10.1.2
		ip -n "$node" route add fd77::/16 via fd10:1::2
		node_files "$node"
	done
	backends_new
}

# The example's files, with this node's names in place of those in /run.
node_files() # NODE
{
	local ours="s|/run/lb4-watch/|$T/$1-|; s|/run/lb4/|$T/$1-|"

	sed "$ours" "$vrrp_dir/lb4.ini" >"$T/$1.ini"
	sed "$ours" "$vrrp_dir/keepalived-${1#lb}.conf" >"$T/$1.conf"
}

ctl() # NODE ARG...
{
	"$LB4CTL" -s "$T/$1-lb4.sock" "${@:2}"
}

node_says() # NODE WORD...: how the answer to `node` begins
{
	[[ "$(ctl "$1" node 2>/dev/null)" == "${*:2}"* ]]
}

lb4_up() # NODE
{
	start "$1" on "$1" "${lb4_of[$1]:-$LB4}" --relay="$MODE" \
	    -z "${zone[$1]}" -f "$T/$1.ini"
	wait_for "node_says $1 ready || ! running $1"
	running "$1" || fail "lb4 on $1 did not start: $(tail "$T/$1.log")"
}

lb4_upgrade() # NODE [PATH]
{
	ctl "$1" upgrade "${@:2}" >"$T/$1-upgrade" 2>&1 ||
		fail "$1: $(cat "$T/$1-upgrade")"
	adopt "$1" "$(sed -n 's/^upgraded to .*, process \([0-9]*\):.*/\1/p' \
	    "$T/$1-upgrade")"
	sed "s/^/$1: /" "$T/$1-upgrade"
}

blinks() # NODE
{
	grep -c 'watch: not ready' "$T/watch-$1.log" || true
}

watch_up() # NODE
{
	start "watch-$1" on "$1" "$LB4CTL" -s "$T/$1-lb4.sock" watch \
	    --track-file "$T/$1-health"
}

keepalived_up() # NODE
{
	start "ka-$1" on "$1" keepalived -n -l -D -P -f "$T/$1.conf" \
	    -p "$T/$1-ka.pid" -r "$T/$1-vrrp.pid"
}

health_is() # NODE VALUE
{
	[ "$(cat "$T/$1-health" 2>/dev/null)" = "$2" ]
}

up_count() # NODE: how many backends, in all services, it sees up
{
	ctl "$1" status | grep -c ' up ' || true
}

node_up() # NODE
{
	watch_up "$1"
	lb4_up "$1"
	wait_for "health_is $1 0"
	keepalived_up "$1"
}

# How often keepalived, on all nodes together, has entered another state.
transitions()
{
	cat "$T"/ka-*.log | grep -c ' Entering .* STATE' || true
}

holds() # NODE ADDRESS
{
	[[ "$(ip -n "$1" -o addr show dev eth0)" == *" $2/"* ]]
}

owners() # ADDRESS
{
	local node

	for node in "${nodes[@]}"; do
		[ -n "${cut[$node]:-}" ] || ! holds "$node" "$1" ||
			echo -n "$node "
	done
}

one_owner()
{
	[[ "$(owners $vip4)" =~ ^[a-z]+\ $ && "$(owners $vip6)" =~ ^[a-z]+\ $ ]]
}

owner() # ADDRESS: the one that there must be
{
	local all

	all=$(owners "$1")
	[[ "$all" =~ ^[a-z]+\ $ ]] || fail "$1 is held by: ${all:-nobody}"
	echo "${all% }"
}

# Whether the client sends to the node that holds it.
followed() # ADDRESS
{
	local mac

	mac=$(ip -n "$(owner "$1")" -o link show dev eth0 |
	    sed -nE 's/.* link\/ether ([^ ]+).*/\1/p')
	[[ "$(ip -n client neigh show "$1")" == *" lladdr $mac "* ]]
}

# ---- what clients see -------------------------------------------------------

port_in() # ADDRESS[@PORT]
{
	[[ "$1" == *@* ]] && echo "${1#*@}" || echo 80
}

probed=()
probe_start() # ADDRESS...
{
	local address

	probed=("$@")
	for address; do
		rm -f "$T/tally-$address"
		! running "probe-$address" || {
			kill -USR1 "$(pid_of "probe-$address")"
			continue
		}
		start "probe-$address" on client \
		    "$cluster_dir/test/integration/outage.py" \
		    "${address%@*}" "$(port_in "$address")" "$T/tally-$address"
	done
	for address; do
		wait_for "[ -e '$T/tally-$address' ] &&
		    [ \$(good_of $address) -gt 300 ]"
	done
}

# Until attempts have gone well for longer than any may hang, which is 0.9 s.
probe_end()
{
	local address until=$((${EPOCHREALTIME/./} + 1200000))

	for address in "${probed[@]}"; do
		wait_for "[ \${EPOCHREALTIME/./} -gt $until ] &&
		    [ \$(good_of $address) -gt 1200 ]" 30
	done
	for address in "${probed[@]}"; do
		rm -f "$T/tally-$address"
		kill -USR2 "$(pid_of "probe-$address")"
	done
	for address in "${probed[@]}"; do
		wait_for "[ -e '$T/tally-$address' ]"
	done
	probed=()
}

# Until then they are only paused: to start them takes long.
probes_stop() # ADDRESS...
{
	local address

	for address; do
		! running "probe-$address" || stop "probe-$address"
	done
}

attempts_of()
{
	cut -d' ' -f1 "$T/tally-$1"
}

failed_of()
{
	cut -d' ' -f2 "$T/tally-$1"
}

unconnected_of() # of those that failed, how many had not been accepted
{
	awk '{ print $2 - $5 }' "$T/tally-$1"
}

outage_of() # in ms
{
	cut -d' ' -f3 "$T/tally-$1"
}

good_of() # for how long all has gone well, in ms
{
	cut -d' ' -f4 "$T/tally-$1"
}

picks()
{
	in_ns client "$cluster_dir/test/integration/picks.py" "${1%@*}" \
	    "$(port_in "$1")" "${@:2}"
}

# ---- load -------------------------------------------------------------------

# Before node_up: a second service with the servers of test/tools/flood.
flood_new() # [BALANCE]
{
	local node name

	for node in "${nodes[@]}"; do
		cat >>"$T/$node.ini" <<-END
			[service flood]
			listen = $vip4:81
			listen = [$vip6]:81
			freebind = yes
			balance = ${1:-source}
			timeout-connect = 250ms
			check = tcp
			inter = 500ms
			timeout-check = 500ms
		END
		for name in "${backends[@]}"; do
			echo "backend = $name 10.10.2.${host[$name]}:8081" \
			    "zone=${zone[$name]} weight=${weight[$name]:-1}"
		done >>"$T/$node.ini"
	done
	for name in "${backends[@]}"; do
		start "flood-$name" on "$name" "$TOOLS/flood" serve \
		    -n "$name" "10.10.2.${host[$name]}:8081"
	done
}

flood_at() # ADDRESS
{
	[[ "$1" == *:* ]] && echo "[$1]:81" || echo "$1:81"
}

flood_start() # NAME MODE ADDRESS ARG...
{
	rm -f "$T/$1.log"
	start "$1" on client "$TOOLS/flood" "$2" -t "$(flood_at "$3")" "${@:4}"
}

# Ends it soon; that some failed is no failure here.
flood_end() # NAME
{
	kill -TERM "$(pid_of "$1")" 2>/dev/null || true
	wait_for "grep -q ^mode= '$T/$1.log'" 30
	reap "$1"
}

flood_of() # NAME KEY
{
	sed -nE "s/^mode=.* $2=([^ ]*).*/\1/p" "$T/$1.log"
}

# Failures of conns that were there.
broken_of() # NAME
{
	local kind sum=0

	for kind in refused reset timeout short wrong other; do
		sum=$((sum + $(flood_of "$1" $kind)))
	done
	echo $((sum - $(flood_of "$1" unconnected)))
}

# How often each backend answered, of 1,000 conns: `a1 500 a2 500 b1 0 b2 0`
shares() # ADDRESS
{
	local name

	in_ns client "$TOOLS/flood" short -t "$(flood_at "$1")" -c 8 -n 1000 \
	    >"$T/shares.log" || true
	same 1000 "$(flood_of shares ok)" "conns that were served"
	for name in "${backends[@]}"; do
		echo "$name $(flood_of shares "backend.$name" | grep . ||
		    echo 0)"
	done
}

# ---- figures ----------------------------------------------------------------

median()
{
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# ---- faults of a node, and how each ends ------------------------------------

fault_kill() # lb4 is killed
{
	stop "$1" KILL
}
heal_kill()
{
	lb4_up "$1"
}

fault_hang() # lb4 hangs
{
	kill -STOP "$(pid_of "$1")"
}
heal_hang()
{
	kill -CONT "$(pid_of "$1")"
}

fault_link() # the clients' network is unplugged
{
	ip link set "$1-eth0" down
}
heal_link() # until the switch forwards, the node may serve, too, for a second
{
	ip link set "$1-eth0" up
}

fault_back() # the backends' network is unplugged
{
	ip link set "$1-eth1" down
}
heal_back()
{
	ip link set "$1-eth1" up
}

fault_hole() # the clients' network swallows all, and the link stays
{
	bridge link set dev "$1-eth0" state 0
	cut[$1]=yes
}
heal_hole()
{
	bridge link set dev "$1-eth0" state 3
	unset "cut[$1]"
}

# The machine is gone at once, with all that it held.
fault_crash()
{
	local name

	ip link set "$1-eth0" down
	ip link set "$1-eth1" down
	cut[$1]=yes
	engine_kill "$1"
	for name in "watch-$1" "$1"; do
		! running "$name" || stop "$name" KILL
	done
	ip -n "$1" addr del "$vip4/24" dev eth0 2>/dev/null || true
	ip -n "$1" addr del "$vip6/64" dev eth0 2>/dev/null || true
	rm -f "$T/$1-health"
}
heal_crash()
{
	ip link set "$1-eth0" up
	ip link set "$1-eth1" up
	# a machine that boots has a switch that forwards
	wait_for "in_ns $1 timeout 0.2 '$TOOLS/tcpact' refused 10.10.1.2:9"
	unset "cut[$1]"
	node_up "$1"
}

# keepalived is two processes, and looks at neither's end but its own.
engine_kill() # NODE
{
	local child

	child=$(cat "$T/$1-vrrp.pid" 2>/dev/null) || true
	[ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
	! running "ka-$1" || stop "ka-$1" KILL
	# as a pid file it would stop the next one, were it still a zombie
	rm -f "$T/$1-vrrp.pid" "$T/$1-ka.pid"
}
fault_engine() # the engine is killed: its address stays behind
{
	engine_kill "$1"
}
heal_engine()
{
	keepalived_up "$1"
}

# A whole zone is lost: backends and nodes. zone_back: all of it returns.
zone_lose() # ZONE
{
	local name

	for name in "${backends[@]}"; do
		[ "${zone[$name]}" != "$1" ] ||
			ip link set "$name-eth1" down
	done
	for name in "${nodes[@]}"; do
		[ "${zone[$name]}" != "$1" ] || fault_crash "$name"
	done
}
zone_back()
{
	local name

	for name in "${backends[@]}"; do
		[ "${zone[$name]}" != "$1" ] || ip link set "$name-eth1" up
	done
	for name in "${nodes[@]}"; do
		[ "${zone[$name]}" != "$1" ] || heal_crash "$name"
	done
}

fault_drain() # an operator takes it out
{
	ctl "$1" node drain >/dev/null
}
heal_drain()
{
	ctl "$1" node ready >/dev/null
}
