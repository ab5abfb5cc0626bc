# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# What the tests of lb4 nodes under BIRD share: what is looked at, conns that
# are held, faults that are played once or, with REPEAT=5, five times, for
# medians as the example says. Sourced after lib.sh.
#
# bgp_enter             in namespaces of its own, or skips
# bgp_start NODE...     all of them serve, evenly, with equal tables
# play FAULT BOUND_MS   fault_FAULT on one node after the other; conns of others
#                       live
# play_zone ZONE        all of it is lost
# trial "LOST..." FUNC ARG...   plays FUNC, again after a false alarm

: "${here:?source lib.sh first}"
# shellcheck disable=SC1091
. "$here/../tools/cluster.sh"
# shellcheck disable=SC1091
. "$here/../tools/cluster-bgp.sh"

bgp_enter()
{
	bgp_needs
	cluster_enter
}

# Sessions come back sooner than in the example. The delays stay above three
# intervals of BFD.
bgp_hurry=yes
bfd_quick=100 bfd_patient=250
[ "${REPEAT:-1}" -lt 5 ] || bfd_quick=50
both=("$vip4" "$vip6")

# ---- what is looked at ------------------------------------------------------

# The router sends both addresses to these.
served_is() # NODES
{
	[ "$(served_by "$vip4")" = "$1" ] && [ "$(served_by "$vip6")" = "$1" ]
}

without() # NODE: the nodes but this one
{
	local node

	for node in "${nodes[@]}"; do
		[ "$node" = "$1" ] || echo -n "$node "
	done
}

with_drain() # NODE: all nodes, and that this one drains
{
	local name

	for name in "${nodes[@]}"; do
		[ "$name" = "$1" ] && echo -n "$name(drains) " ||
			echo -n "$name "
	done
}

all_serve()
{
	served_is "$(without none)"
}

# A node has so many percent of its fair share of both addresses, or more.
has_share() # NODE PERCENT
{
	local address

	for address in "${both[@]}"; do
		[ "$(share_of "$1" "$address")" -ge \
		    $(($2 * 10 / ${#nodes[@]})) ] || return
	done
}

# ---- expectations -----------------------------------------------------------

# A process that does not run for 150 ms is dead, by BFD. What was seen then
# says nothing, nor does what was seen on a busy machine: it is done again.
# Without either, or the fifth time, it is a failure. What has nothing to do
# with BFD is played with a patient one.
bad='' mark=0 late=0 tried=0 waited=''
expect() # WANT GOT WHAT
{
	[ "$1" = "$2" ] || bad+="${bad:+; }$3: expected '$1', got '$2'"
}

# Whether the probe did not run, the machine was busy, or a node that was meant
# to stay was away, for which BFD must be quick.
alarm() # LOST...
{
	local node said

	[ "$late" -le 100 ] || return 0
	# the programs on the router and the nodes did not have the time that a
	# bound is about
	! was_busy "$tried" "$waited" || return 0
	[ "$bfd_ms" -lt "$bfd_patient" ] || return 1
	said=$(tail -n +$((mark + 1)) "$T/nexthops.log" | grep -v 'takes over')
	! grep -q 'no node announces' <<<"$said" || return 0
	for node in "${nodes[@]}"; do
		[[ " $* " != *" $node "* ]] || continue
		! grep -Fv -e "10.20.${link[$node]}.2" \
		    -e "fd20:${link[$node]}::2" <<<"$said" | grep -q . ||
			return 0
	done
	return 1
}

# trial "LOST..." FUNC ARG...: which tells `bad` by expect.
trial()
{
	local tries=0

	for ((;;)); do
		bad='' late=0 mark=$(wc -l <"$T/nexthops.log")
		tried=${EPOCHREALTIME/./}
		machine_waits
		waited=$machine_waits
		"${@:2}"
		[ -n "$bad" ] || return 0
		# shellcheck disable=SC2086 # several words
		alarm $1 || fail "$bad"
		[ $((++tries)) -lt 5 ] || fail "$bad; a false alarm"
		echo "again, a false alarm, a busy machine, or $late ms without a" \
		    "turn: $bad"
		wait_for all_serve 20
	done
}

# ---- conns that are held, half of them silent -------------------------------

held_start() # COUNT
{
	local node address old begun=${EPOCHREALTIME/./}

	for address in "${both[@]}"; do
		rm -f "$T/held-$address"
		start "held-$address" on client "$here/held.py" "$address" 80 \
		    "$1" "$T/held-$address"
	done
	for address in "${both[@]}"; do
		wait_for "[ -e '$T/held-$address' ]" 30
		expect "$1" "$(grep -c ' open$' "$T/held-$address")" "conns held"
	done
	# Each node's own say: FAMILY PORT of its conns. What is older is another's
	# who had the same port: a node that was withdrawn never heard its end.
	for node in "${nodes[@]}"; do
		old=age=$(((${EPOCHREALTIME/./} - begun) / 1000))ms
		{ ctl "$node" conns "$old"; ctl "$node" conns; } |
		    awk '$1 == "ID" { list++; next }
			list == 1 { old[$1] }
			list == 2 && !($1 in old) {
				n = split($2, part, ":")
				print ($2 ~ /^\[/ ? 6 : 4), part[n] }' \
		    >"$T/through-$node"
	done
	for node in "${nodes[@]}"; do
		expect 1 $(($(held_of "$node") >= $1 / 4)) "conns of $node"
	done
	expect $((2 * $1)) "$(for node in "${nodes[@]}"; do
		held_of "$node"
	done | awk '{ sum += $1 } END { print sum }')" "held conns that a node knows"
}

held_ask()
{
	local address

	for address in "${both[@]}"; do
		rm "$T/held-$address"
		kill -USR1 "$(pid_of "held-$address")"
	done
	for address in "${both[@]}"; do
		wait_for "[ -e '$T/held-$address' ]" 20
	done
	{
		sed -n '/ open$/!s/^/4 /p' "$T/held-$vip4"
		sed -n '/ open$/!s/^/6 /p' "$T/held-$vip6"
	} >"$T/lost"
}

held_end()
{
	stop "held-$vip4"
	stop "held-$vip6"
}

# How many conns that are held go, or went, through a node, and are lost.
held_of() # NODE
{
	sed 's/^/4 /' "$T/held-$vip4" | sed 's/ open$//' >"$T/held"
	sed 's/^/6 /' "$T/held-$vip6" | sed 's/ open$//' >>"$T/held"
	cut -d' ' -f1-2 "$T/held" | grep -cxFf "$T/through-$1" || true
}
lost_of() # NODE
{
	cut -d' ' -f1-2 "$T/lost" | grep -cxFf "$T/through-$1" || true
}

# No conn broke that did not go through this node.
others_live() # NODE WHEN
{
	local node

	held_ask
	for node in "${nodes[@]}"; do
		[ "$node" = "$1" ] || expect 0 "$(lost_of "$node")" \
		    "conns of $node that $2 broke ($(cut -d' ' -f3- "$T/lost" |
		    sort | uniq -c | xargs))"
	done
}

# ---- faults -----------------------------------------------------------------

fault_withdraw()
{
	fault_drain "$1"
}
heal_withdraw()
{
	heal_drain "$1"
}

# Withdrawn, and the router does not act for a while: what still comes is
# accepted.
fault_late()
{
	local before until

	kill -STOP "$(pid_of nexthops)"
	fault_drain "$1"
	wait_for "! watched $1 $vip4 && ! watched $1 $vip6"
	before=$(accepted "$1")
	until=$((${EPOCHREALTIME/./} + 3000000))
	while [ "$(accepted "$1")" -lt $((before + 20)) ] &&
	    [ "${EPOCHREALTIME/./}" -lt $until ]; do
		sleep 0.02
	done
	expect 1 $(($(accepted "$1") >= before + 20)) "it was not reached"
	kill -CONT "$(pid_of nexthops)"
}
heal_late()
{
	heal_drain "$1"
}

accepted() # NODE
{
	ctl "$1" info | awk '$1 == "accepted" { print $2 }'
}

# BIRD on the router ends, and another takes over what it wrote.
bird_again() # SIGNAL
{
	local before

	before=$(recoveries)
	stop bird-router "$1"
	bird_files router
	bird_up router
	wait_for "[ \$(recoveries) -gt $before ]" 25
}
recoveries()
{
	grep -c 'Graceful restart done' "$T/bird-router.log" || true
}

# After probe_end.
see_late()
{
	local address ms

	for address in "${both[@]}"; do
		ms=$(cut -d' ' -f6 "$T/tally-$address")
		[ "$ms" -le "$late" ] || late=$ms
	done
}

connects_failed() # ADDRESS: those that broke later are none
{
	echo $(($(failed_of "$1") - $(cut -d' ' -f5 "$T/tally-$1")))
}

# What a probe has seen goes into $all and $failed of play. A single run may
# take ten times as long as is meant; with a bound of 0 no connect may fail.
note() # WHAT BOUND_MS
{
	local address ms

	for address in "${both[@]}"; do
		ms=$(outage_of "$address")
		expect 0 $((ms > 10 * $2 + 1000)) "$1: $ms ms"
		[ "$2" -gt 0 ] || expect 0 "$(connects_failed "$address")" \
		    "$1: connects to $address that failed"
		[ -z "$bad" ] || continue
		all[$address]+="$ms "
		failed[$address]=$((${failed[$address]:-0} +
		    $(connects_failed "$address")))
	done
}

# Medians of what was noted.
judge() # WHAT BOUND_MS
{
	local address what ms

	for address in "${both[@]}"; do
		what="${#nodes[@]} nodes, $1, $address"
		ms=$(tr ' ' '\n' <<<"${all[$address]% }" | median)
		echo "$what: outage $ms ms (${all[$address]% }), meant: $2;" \
		    "${failed[$address]} connects failed"
		[ "${REPEAT:-1}" -lt 5 ] || [ "$ms" -le "$2" ] ||
			fail "$what: $ms ms"
	done
}

play_once() # FAULT BOUND_MS NODE
{
	held_start 40
	probe_start "${both[@]}"
	"fault_$1" "$3"
	# when a false alarm has just ended its session, that takes 9 s
	wait_for "served_is '$(without "$3")'" 20
	wait_for "[ \$(good_of $vip4) -gt 1200 ] &&
	    [ \$(good_of $vip6) -gt 1200 ]" 20
	others_live "$3" "$1"
	lost="$(lost_of "$3")/$(held_of "$3")"
	"heal_$1" "$3"
	wait_for all_serve 20
	wait_for "has_share $3 50" 30
	others_live "$3" "the return from $1"
	probe_end
	see_late
	held_end
	note "$1" "$2"
}

turn=0
# play FAULT BOUND_MS: on one node after the other.
play()
{
	local node lost losts=() i
	local -A all=() failed=()

	for ((i = 0; i < ${REPEAT:-1}; i++)); do
		node=${nodes[turn++ % ${#nodes[@]}]}
		trial "$node" play_once "$1" "$2" "$node"
		losts+=("$lost")
	done
	judge "$1" "$2"
	echo "    held conns lost: ${losts[*]} of the node's own," \
	    "0 of the others', on loss and on return"
}

zone_once() # ZONE REST
{
	local node

	probe_start "${both[@]}"
	zone_lose "$1"
	wait_for "served_is '$2'" 20
	probe_end
	see_late
	zone_back "$1"
	wait_for all_serve 20
	for node in "${nodes[@]}"; do
		wait_for "has_share $node 95" 30
		wait_for "[ \$(up_count $node) -eq 4 ]" 20
	done
	note "zone $1 lost" 200
}

# A zone is lost, its nodes and its backends: the other serves.
play_zone() # ZONE
{
	local node rest='' gone='' i
	local -A all=() failed=()

	for node in "${nodes[@]}"; do
		if [ "${zone[$node]}" = "$1" ]; then
			gone+="$node "
		else
			rest+="$node "
		fi
	done
	for ((i = 0; i < ${REPEAT:-1}; i++)); do
		trial "$gone" zone_once "$1" "$rest"
	done
	judge "zone $1 lost" 200
}

# Under load: nobody notices until the deadline.
drain_once() # NODE OTHER
{
	local begun before before_b address node=$1

	held_start 40
	probe_start "${both[@]}"
	ctl "$node" node drain --deadline 8s >"$T/said"
	begun=${EPOCHREALTIME/./}
	wait_for "served_is '$(with_drain "$node")'"
	# its idle buckets have left it; what is busy stays
	wait_for "[ \$(share_of $node $vip4) -lt 100 ] &&
	    [ \$(share_of $node $vip6) -lt 100 ]"
	before=$(accepted "$node")
	before_b=$(accepted "$2")
	wait_for "[ \${EPOCHREALTIME/./} -gt $((begun + 6500000)) ]"
	new=$(($(accepted "$node") - before))
	new_b=$(($(accepted "$2") - before_b))
	held_ask
	expect 0 "$(wc -l <"$T/lost")" "held conns lost before the deadline"
	expect "$(with_drain "$node")" "$(served_by "$vip4")" "who serves"
	expect "$(with_drain "$node")" "$(served_by "$vip6")" "who serves IPv6"
	expect 1 $((5 * new < new_b)) "$new new conns while it drained, $new_b"
	wait_for "served_is '$(without "$node")'"
	wait_for "ctl $node info | grep -Eq '^conns +0$'"
	probe_end
	see_late
	others_live "$node" "the drain"
	lost="$(lost_of "$node") of its $(held_of "$node")"
	held_end
	for address in "${both[@]}"; do
		expect 0 "$(connects_failed "$address")" \
		    "connects to $address that failed with a drain"
	done
	ctl "$node" node ready >"$T/said"
	wait_for all_serve
}

# lb4 on a node is upgraded: nobody notices, and no route is withdrawn.
upgrade_once() # NODE
{
	local node=$1 before blinks lines address i

	before=$(withdrawals)
	blinks=$(blinks "$node")
	lines=$(wc -l <"$T/nexthops.log")
	held_start 40
	probe_start "${both[@]}"
	for i in 1 2 3; do
		lb4_upgrade "$node"
		wait_for "node_says $node ready"
		expect "$(without none)" "$(served_by "$vip4")" "upgrade $i: served by"
	done
	probe_end
	see_late
	others_live none "an upgrade of $node"
	held_end
	blinks=$(($(blinks "$node") - blinks))
	expect "$before" "$(withdrawals)" "routes withdrawn"
	expect "$lines" "$(wc -l <"$T/nexthops.log")" "lines of nexthops"
	expect 1 $((blinks <= 3)) "$blinks blinks of lb4ctl watch"
	for address in "${both[@]}"; do
		expect 0 "$(failed_of "$address")" "failed with an upgrade"
	done
	[ -n "$bad" ] || echo "3 upgrades on $node: none of" \
	    "$(attempts_of "$vip4") and $(attempts_of "$vip6") failed, no conn" \
	    "broken, no route withdrawn, lb4ctl watch has blinked $blinks times"
}

# The router's own programs end and come back: nothing happens.
restart_once()
{
	local lines signal address

	held_start 40
	probe_start "${both[@]}"
	lines=$(wc -l <"$T/nexthops.log")
	for signal in KILL TERM; do
		bird_again $signal
		expect "$lines" "$(wc -l <"$T/nexthops.log")" \
		    "lines of nexthops when BIRD had ended"
		stop nexthops $signal
		nexthops_up "${short[@]}"
		wait_for "[ \$(wc -l <'$T/nexthops.log') -ge $((lines + 4)) ]"
		lines=$(wc -l <"$T/nexthops.log")
	done
	probe_end
	see_late
	others_live none "the router's restart"
	held_end
	expect 4 "$(tail -n +$((mark + 1)) "$T/nexthops.log" |
	    grep -c 'takes over')" "groups taken over"
	for address in "${both[@]}"; do
		expect 0 "$(failed_of "$address")" "failed with the restart"
	done
}

# ---- the cluster ------------------------------------------------------------

# As in the example, but for the times: a bucket is idle after 3 s, and silent
# conns are asked for a sign of life each second.
short=(--idle 3 --buckets 2048)
bgp_start() # NODE...
{
	local node address

	bgp_new "$@"
	bfd_every "$bfd_patient"
	router_up "${short[@]}"
	for node in "${nodes[@]}"; do
		in_ns "$node" sysctl -qw net.ipv4.tcp_keepalive_time=1 \
		    net.ipv4.tcp_keepalive_intvl=1
		node_up "$node"
	done
	wait_for all_serve 20
	for address in "${both[@]}"; do
		for node in "${nodes[@]}"; do
			[ "$(share_of "$node" "$address")" -ge \
			    $((995 / ${#nodes[@]})) ] ||
				fail "$node has $(share_of "$node" \
				    "$address") / 1000"
		done
	done
	same 1 "$(for node in "${nodes[@]}"; do
		ctl "$node" table | grep checksum
	done | sort -u | wc -l)" "different checksums of tables"
}
