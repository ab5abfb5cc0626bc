# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# Clusters of lb4 nodes behind a router, under BIRD, with the files of
# etc/examples/ha-bgp. Sourced after cluster.sh, whose functions it goes on
# from: where a node under BIRD is not like one under keepalived, the function
# of the same name here takes the place of the one there.
#
# The client and the router hang on the bridge `front`; each node has a link to
# the router, a bridge `net-NODE`; nodes and backends hang on `back`. So a node
# that loses its link leaves the router's up, as with a switch in between.
#
# bgp_new NODE...       all of this and the files, backends running; no nodes
# router_up [ARG...]    the router's BIRD, and nexthops with more arguments
# bird_up NODE|router, nexthops_up [ARG...], bird_say NODE|router COMMAND...
# bird_files NODE|router   writes its files anew
# bgp_hurry             if it is set, sessions open sooner than in the example
# bfd_every MS          ... with this interval instead of 50 ms, and BIRD reads
#                       them; so it may be before all is up
# node_up NODE          its lb4, watcher and BIRD
# served_by ADDRESS     the nodes that the router sends it to, each with a space
#                       behind; of those that drain, NODE(drains)
# share_of NODE ADDRESS how many of a thousand buckets of it are the node's
# withdrawals           how many routes the nodes have withdrawn so far
# watched NODE ADDRESS  true if it is on the node's lo
# fault_X, heal_X       X: withdraw too; engine is BIRD; drain is withdraw

# shellcheck disable=SC2154 # cluster.sh has it
: "${host[lba]}" "${cluster_dir:?source cluster.sh first}"
vip4=10.20.100.1 vip6=fd20:100::1
drain4=10.20.101.1 drain6=fd20:101::1
bgp_example=$cluster_dir/etc/examples/ha-bgp
declare -A link=([lba]=1 [lbb]=2 [lbc]=3)

bgp_needs() # CMD...
{
	cluster_needs bird birdc python3 "$@"
}

# ---- the network ------------------------------------------------------------

# The client stands for many: the addresses of 10.77.0.0/16 and fd77::/16 too.
bgp_new() # NODE...
{
	local node number

	nodes=("$@")
	bridge_new front back
	ns_new client router
	plug client eth0 front
	plug router eth0 front
	address_add client eth0 10.20.0.2/24 fd20::2/64
	address_add router eth0 10.20.0.1/24 fd20::1/64
	in_ns router sysctl -q -p "$bgp_example/router-sysctl.conf" >/dev/null
	gateway_set client 10.20.0.1 fd20::1
	ip -n client route add local 10.77.0.0/16 dev lo
	ip -n client route add local fd77::/16 dev lo
	in_ns client sysctl -qw net.ipv6.ip_nonlocal_bind=1
	# Within one kernel a packet's hash is its socket's, which the client
	# draws anew when it has to send again: no router could know that.
	in_ns client sysctl -qw net.core.txrehash=0 2>/dev/null || true
	ip -n router route add 10.77.0.0/16 via 10.20.0.2
	ip -n router route add fd77::/16 via fd20::2
	for node in "${nodes[@]}"; do
		number=${link[$node]}
		bridge_new "net-$node"
		ns_new "$node"
		plug router "eth$number" "net-$node"
		plug "$node" eth0 "net-$node"
		plug "$node" eth1 back
		address_add router "eth$number" \
		    "10.20.$number.1/30" "fd20:$number::1/64"
		address_add "$node" eth0 \
		    "10.20.$number.2/30" "fd20:$number::2/64"
		ip -n "$node" addr add "10.10.2.${host[$node]}/24" dev eth1
		gateway_set "$node" "10.20.$number.1" "fd20:$number::1"
		in_ns "$node" sysctl -q -p "$bgp_example/node-sysctl.conf"
		node_files "$node"
	done
	backends_new
}

address_add() # NS INTERFACE IPV4 IPV6
{
	ip -n "$1" addr add "$3" dev "$2"
	ip -n "$1" addr add "$4" dev "$2" nodad
}

gateway_set() # NS IPV4 IPV6
{
	ip -n "$1" route add default via "$2"
	ip -n "$1" route add default via "$3"
}

# ---- the router -------------------------------------------------------------

# BIRD's log goes where the others' do.
bfd_ms=50 bgp_hurry=
bird_file() # NODE|router FILE NAME
{
	local soon='' # sessions that have ended are opened again

	[ -z "$bgp_hurry" ] || soon='s/ delay time 2;/ delay time 1;/
	    s/ wait time 2, 4;/ wait time 1, 1;/'
	mkdir -p "$T/bird-$1"
	sed "s/^log syslog all;/log stderr all;/
	    s/ interval 50 ms;/ interval $bfd_ms ms;/
	    $soon" "$bgp_example/$2" >"$T/bird-$1/$3"
}

# With two nodes, the third's sessions go.
bird_files() # NODE|router
{
	local node

	if [ "$1" != router ]; then
		bird_file "$1" bird-node.conf bird.conf
		bird_file "$1" "node-${1#lb}.conf" node.conf
		return
	fi
	bird_file router bird-router.conf bird.conf
	for node in "${!link[@]}"; do
		[[ " ${nodes[*]} " == *" $node "* ]] ||
			sed -i "/^protocol bgp ${node}[46] /d" \
			    "$T/bird-router/bird.conf"
	done
}

bfd_every() # MS
{
	local name

	bfd_ms=$1
	for name in router "${nodes[@]}"; do
		bird_files "$name"
		! running "bird-$name" ||
			bird_say "$name" configure >/dev/null
	done
}

# -R is what the example has in BIRD_ARGS.
bird_up() # NODE|router
{
	local again=()

	[ "$1" != router ] || again=(-R)
	start "bird-$1" on "$1" bird -f "${again[@]}" \
	    -c "$T/bird-$1/bird.conf" -s "$T/$1-bird.ctl" \
	    -P "$T/$1-bird.pid"
	wait_for "bird_say $1 show status >/dev/null 2>&1 ||
	    ! running bird-$1"
	running "bird-$1" ||
		fail "BIRD on $1 did not start: $(tail "$T/bird-$1.log")"
}

bird_say() # NODE|router COMMAND...
{
	birdc -s "$T/$1-bird.ctl" "${@:2}"
}

# As nexthops.service has it.
nexthops_up() # ARG...
{
	local command

	read -ra command < <(sed -n 's/^ExecStart=[^ ]*nexthops//p' \
	    "$bgp_example/nexthops.service")
	start nexthops on router "$bgp_example/nexthops" "${command[@]}" "$@"
}

router_up() # ARG...
{
	bird_files router
	nexthops_up "$@"
	bird_up router
}

# The group says who is in it, and its weights who drains.
served_by() # ADDRESS
{
	local family=-4

	[[ "$1" != *:* ]] || family=-6
	ip -n router $family route show "$1" | awk '
		match($0, /via [^ ]+/) {
			hop = substr($0, RSTART + 4, RLENGTH - 4)
			split(hop, part, /[:.]+/)
			weight = $(NF - 1) == "weight" ? $NF : 1
			found[part[hop ~ /:/ ? 2 : 3]] = weight
			if (weight > most) most = weight
		}
		END { for (i = 1; i <= 3; i++) if (i in found)
			printf "lb%s%s ", substr("abc", i, 1),
			    found[i] < most ? "(drains)" : "" }'
}

# How many of a thousand buckets of an address the router has for a node.
share_of() # NODE ADDRESS
{
	local family=-4 group ids

	[[ "$2" != *:* ]] || family=-6
	group=$(ip -n router $family route show "$2" |
	    sed -n 's/.* nhid \([0-9]*\) .*/\1/p')
	ids=$(ip -n router nexthop show | awk -v number="${link[$1]}" '
		$4 == "10.20." number ".2" || $4 == "fd20:" number "::2" {
			print $2 }')
	[ -n "$group" ] || return
	ip -n router nexthop bucket show id "$group" | awk -v ids="$ids" '
		BEGIN { split(ids, list, "\n"); for (i in list) ours[list[i]] }
		{ if ($NF in ours) mine++ }
		END { print int(1000 * mine / NR) }'
}

# Of sessions that have not ended since: that withdraws as well.
withdrawals()
{
	bird_say router show protocols all | awk '
		$1 == "Import" && $2 == "withdraws:" { sum += $3 }
		END { print sum + 0 }'
}

# ---- a node -----------------------------------------------------------------

node_files() # NODE
{
	sed "s|/run/lb4/|$T/$1-|" "$bgp_example/lb4.ini" >"$T/$1.ini"
	bird_files "$1"
}

# As lb4-watch.service has it with lb4-watch.conf.
watch_up() # NODE
{
	local node=$1 arguments line route

	read -ra arguments <<<"$(sed -n '/^Environment=/,/"$/s/["\\]/ /gp' \
	    "$bgp_example/lb4-watch.conf" | tr '\n' ' ' |
	    sed 's/.*WATCH=//')"
	sed -n 's/^ExecStartPre=+[^ ]*ip //p' "$bgp_example/lb4-watch.conf" |
	    while read -r line; do
		read -ra route <<<"$line"
		ip -n "$node" "${route[@]}"
	    done
	start "watch-$node" on "$node" "$LB4CTL" -s "$T/$node-lb4.sock" watch \
	    "${arguments[@]}"
}

watched() # NODE ADDRESS
{
	[[ "$(ip -n "$1" -o addr show dev lo)" == *" $2/"* ]]
}

# What the watcher says, as with keepalived's file.
health_is() # NODE 0|1
{
	if [ "$2" = 0 ]; then
		watched "$1" $vip4 && ! watched "$1" $drain4
	else
		! watched "$1" $vip4
	fi
}

node_up() # NODE
{
	watch_up "$1"
	lb4_up "$1"
	wait_for "health_is $1 0"
	bird_up "$1"
}

# ---- what differs in its faults ---------------------------------------------

engine_kill() # NODE
{
	! running "bird-$1" || stop "bird-$1" KILL
}
heal_engine()
{
	bird_up "$1"
}

# The machine is gone at once, with all that it held.
fault_crash()
{
	local name address

	ip link set "$1-eth0" down
	ip link set "$1-eth1" down
	engine_kill "$1"
	for name in "watch-$1" "$1"; do
		! running "$name" || stop "$name" KILL
	done
	for address in $vip4/32 $vip6/128 $drain4/32 $drain6/128; do
		ip -n "$1" addr del "$address" dev lo 2>/dev/null || true
	done
}
heal_crash()
{
	ip link set "$1-eth0" up
	ip link set "$1-eth1" up
	node_up "$1"
}
