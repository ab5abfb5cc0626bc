# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# One cell: one row through one proxy, in network namespaces of its own.
# test/bench/run, which sources it, calls itself in a new namespace for this;
# `cell ROW PROXY` writes one line of key=value.

backend_ports='20001 20002 20003 20004'

listens()	# PORT; true if somebody listens there, in this namespace
{
	awk -v port="$(printf ':%04X' "$1")" \
	    '$4 == "0A" && $2 ~ port "$" { found = 1 } END { exit !found }' \
	    /proc/net/tcp /proc/net/tcp6
}

backend_listens()	# PORT
{
	"${in_backend[@]}" cat /proc/net/tcp /proc/net/tcp6 |
	    awk -v port="$(printf ':%04X' "$1")" \
	    '$4 == "0A" && $2 ~ port "$" { found = 1 } END { exit !found }'
}

await()	# PID COMMAND...; until the command succeeds, while PID lives
{
	local pid=$1 tries=0

	shift
	until "$@"; do
		tries=$((tries + 1))
		if [ $tries -gt 1000 ] || ! kill -0 "$pid" 2>/dev/null; then
			cat "$tmp"/*.log >&2
			fail "$row, $proxy: waited in vain: $*"
		fi
		sleep 0.01
	done
}

start()	# NAME CPUS COMMAND...; started=PID
{
	local log=$tmp/$1.log

	shift
	(pin "$@") >"$log" 2>&1 </dev/null &
	started=$!
	processes+=" $started"
}

stop_all()
{
	local pid

	for pid in $processes; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in $processes; do
		wait "$pid" 2>/dev/null || true
	done
	processes=
	rm -rf "$tmp"
}

family()	# PID; it and all that it started: 17,23
{
	local list=$1 new=$1

	while new=$(pgrep -d, -P "$new"); do
		list+=,$new
	done
	echo "$list"
}

# The path. On lo everybody is in this namespace. On veth the proxy is; clients
# are in another one and backends in a third, and without a proxy one pair goes
# from clients to backends.

namespace_new()	# NAME; sets NAME_net, and in_NAME to what runs a command there
{
	local -n net=$1_net in=in_$1

	start "$1" '' unshare -n sleep 1000000
	net=/proc/$started/ns/net
	await "$started" is_other_net "$net"
	in=(nsenter "--net=$net")
	"${in[@]}" ip link set lo up
}

is_other_net()	# FILE
{
	[ "$(readlink "$1")" != "$(readlink /proc/self/ns/net)" ]
}

lay_lo()
{
	local i

	in_client=() in_backend=() backend_net='' backend_ip=127.0.0.1
	proxy_ips=
	# Several addresses, so that ports do not run out.
	for i in 1 2 3 4 5 6 7 8; do
		proxy_ips+=" 127.0.0.$i"
	done
	use_congestion
}

pair()	# NAME PID NAME PID; a veth pair between the namespaces of two processes
{
	ip link add "$1" mtu 1500 netns "$2" type veth \
	    peer name "$3" mtu 1500 netns "$4"
}

lay_veth()
{
	local client_pid backend_pid i

	namespace_new client
	client_pid=$started
	namespace_new backend
	backend_pid=$started
	backend_ip=10.20.2.9
	proxy_ips=
	if [ "$proxy" = direct ]; then
		pair v0 "$client_pid" v0 "$backend_pid"
		"${in_client[@]}" ip addr add 10.20.2.1/24 dev v0
	else
		pair v0 "$client_pid" clients $$
		pair v0 "$backend_pid" backends $$
		"${in_client[@]}" ip addr add 10.20.1.9/24 dev v0
		for i in 1 2 3 4 5 6 7 8; do
			ip addr add 10.20.1.$i/24 dev clients
			proxy_ips+=" 10.20.1.$i"
		done
		ip addr add 10.20.2.1/24 dev backends
		ip link set clients up
		ip link set backends up
	fi
	"${in_backend[@]}" ip addr add $backend_ip/24 dev v0
	"${in_client[@]}" ip link set v0 up
	"${in_backend[@]}" ip link set v0 up
	use_congestion
	use_congestion "${in_client[@]}"
	use_congestion "${in_backend[@]}"
}

# A new namespace may not choose each congestion control by sysctl (it has to be
# in net.ipv4.tcp_allowed_congestion_control of the first namespace), but each
# of its routes may: ip-route(8), congctl. A port that is still in TIME_WAIT is
# used again, as it is on a loopback by default.
use_congestion()	# [COMMAND...]; in its namespace
{
	"$@" bash -ec "$(declare -f set_congestion); set_congestion $congestion"
}

set_congestion()	# NAME; in this namespace
{
	local table route

	echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse
	if (echo "$1" >/proc/sys/net/ipv4/tcp_congestion_control) 2>/dev/null
	then
		return
	fi
	for table in local main; do
		ip -4 route show table $table | sed '/^broadcast/d' |
		    while read -r route; do
			# shellcheck disable=SC2086 # several words
			ip route replace ${route/linkdown/} table $table \
			    congctl "$1"
		done
	done
}

# Until they are there, while another program plays the row: which congestion
# control its conns have, and the largest segment that any of them sends. For
# our own rows load asks ss(8) itself, when all is measured.
look_at_sockets()
{
	local in=()

	[ "$proxy" != direct ] || in=("${in_client[@]}")
	sleep "$(awk -v ms="$(ms "$TIME")" 'BEGIN { print ms / 8000 }')"
	until [ -s "$tmp/sockets" ]; do
		"${in[@]}" ss -tinH state established >"$tmp/sockets"
		sleep 0.02
	done
}

sockets_seen()	# writes cc=bbr mss=1448; of several congestion controls: a+b
{
	awk '
	match($0, /[a-z][a-z0-9_-]* wscale:/) {
		split(substr($0, RSTART, RLENGTH), word, " ")
		if (!seen[word[1]]++)
			cc = cc (cc == "" ? "" : "+") word[1]
		if (match($0, / mss:[0-9]+/)) {
			mss = substr($0, RSTART + 5, RLENGTH - 5) + 0
			most = mss > most ? mss : most
		}
	}
	END { printf "cc=%s mss=%d\n", cc, most }' "$tmp/sockets"
}

# The proxy.

nginx_globals()	# BINARY PREFIX
{
	local flags

	flags=$("$1" -V 2>&1)
	printf 'daemon off; pid %s/pid;' "$2"
	case $flags in
	*--with-stream=dynamic*) printf 'load_module %s;' "$stream_module" ;;
	esac
}

# A copy of its configuration for this many workers and these backends.
proxy_file()	# FILE; writes the name of the copy
{
	local count=$WORKERS named=$WORKERS copy=$tmp/${1##*/}

	if [ -n "$auto" ]; then
		count=$(nproc) named=auto
	fi
	sed -E "s/^( *workers = )1/\1$named/
	    s/^( *)(nbthread |worker_processes )1/\1\2$count/
	    s/127\.0\.0\.1:200/$backend_ip:200/" "$1" >"$copy"
	echo "$copy"
}

start_proxy()
{
	local file binary

	file=$(echo "$PEERS/${proxy%%@*}".*)
	binary=$(proxy_binary "$proxy")
	file=$(proxy_file "$file")
	case $file in
	*.ini) start proxy "$PROXY_CPU" "$binary" -f "$file" ;;
	*.cfg) start proxy "$PROXY_CPU" "$binary" -db -f "$file" ;;
	*.conf) start proxy "$PROXY_CPU" "$binary" -p "$tmp" -c "$file" \
	    -g "$(nginx_globals "$binary" "$tmp")" ;;
	esac
	await "$started" listens 20000
	await "$started" listens 20010
	case $file in
	*.conf) await "$started" pgrep -P "$started" >/dev/null ;;
	esac
	proxy_pids=$(family "$started")
}

# Rows that load plays.

play_load()
{
	local addresses=() ip port windows

	[ -z "$backend_net" ] || addresses+=(-n "$backend_net")
	for port in $backend_ports; do
		addresses+=(-b "$backend_ip:$port")
		[ "$proxy" != direct ] || addresses+=(-t "$backend_ip:$port")
	done
	[ "$proxy" = direct ] || for ip in $proxy_ips; do
		addresses+=(-t "$ip:20000")
	done
	windows=$(row_windows)
	# shellcheck disable=SC2046 # several words
	(pin "$LOAD_CPU" "${in_client[@]}" "$BENCH/load" "${addresses[@]}" \
	    -p "$proxy_pids" -w "$WARM" -d $(($(ms "$TIME") * windows))ms \
	    -e "$(look_command)" $(row_options))
}

# The command of look_at_sockets() for a shell in the clients' namespace.
look_command()
{
	local net=/proc/$$/ns/net

	if [ "$proxy" = direct ]; then
		net=/proc/self/ns/net
	fi
	echo "nsenter --net=$net ss -tinH state established >'$tmp/sockets'"
}

# Rows that other programs play. Each leaves "ops=N ..." in $tmp/ops.

watch()	# COMMAND...; its output goes to $tmp/client
{
	local looker

	look_at_sockets &
	looker=$!
	if ! (pin "$LOAD_CPU" "${in_client[@]}" "$BENCH/load" watch \
	    -p "$proxy_pids" -q "$backend_pids" -o "$tmp/used" "$@") \
	    >"$tmp/client" 2>&1; then
		cat "$tmp/client" >&2
		fail "$row, $proxy: failed: $*"
	fi
	kill "$looker" 2>/dev/null || true
	wait "$looker" || true
}

start_backend()	# COMMAND...; that listens on 20011
{
	start backend "$LOAD_CPU" "${in_backend[@]}" "$@"
	await "$started" backend_listens 20011
	backend_pids=$started
}

seconds()	# the window in whole seconds
{
	echo $((($(ms "$TIME") + 999) / 1000))
}

play_redis()
{
	local count=$(($(ms "$TIME") * 40))

	start_backend redis-server --port 20011 --bind "$backend_ip" \
	    --protected-mode no --save '' --appendonly no --dir "$tmp"
	watch redis-benchmark --csv -h "$ip" -p "$port" -c 64 -d 16 -t get \
	    -n $count
	awk -F '"' -v n=$count '$2 == "GET" {
		printf "ops=%d p50=%d p99=%d\n", n, $10 * 1e6, $14 * 1e6 }' \
	    "$tmp/client"
}

play_sockperf()
{
	start_backend sockperf server --tcp -i "$backend_ip" -p 20011
	watch sockperf ping-pong --tcp -i "$ip" -p "$port" -m 16 --full-rtt \
	    -t "$(seconds)"
	awk '
	/Test end/ { ended = 1 }
	/SentMessages=/ {
		sub(/.*ReceivedMessages=/, "")
		if (ops == 0) ops = $1 + 0
	}
	/percentile 50.000/ { p50 = $NF }
	/percentile 99.000/ { p99 = $NF }
	/percentile 99.900/ { p999 = $NF }
	END { printf "ops=%d samples=%d p50=%d p99=%d p999=%d\n", ops, ops,
	    p50 * 1e3, p99 * 1e3, p999 * 1e3 }' "$tmp/client"
}

play_wrk_on()	# PATH [OPTION...]
{
	local path=$1

	shift
	head -c 65536 /dev/zero >"$tmp/64k"
	start_backend nginx -p "$tmp" -c "$here/http.conf" \
	    -g "daemon off; pid $tmp/http.pid;"
	await "$started" pgrep -P "$started" >/dev/null
	backend_pids=$(family "$started")
	watch wrk -t 1 -c 64 -d "$(seconds)" --latency "$@" \
	    "http://$ip:$port/$path"
	awk '
	function ns(text) {
		if (text ~ /us$/) return text * 1e3
		if (text ~ /ms$/) return text * 1e6
		return text * 1e9
	}
	$1 == "50%" { p50 = ns($2) }
	$1 == "99%" { p99 = ns($2) }
	$2 == "requests" { ops = $1 }
	/Socket errors|Non-2xx/ { errors = 1 }
	END { printf "ops=%d errors=%d p50=%d p99=%d\n", ops, errors, p50, p99 }
	' "$tmp/client"
}

play_wrk()
{
	play_wrk_on ''
}

play_wrkshort()
{
	play_wrk_on '' -H 'Connection: close'
}

play_wrk64k()
{
	play_wrk_on 64k
}

play_iperf3()	# [OPTION...]
{
	start_backend iperf3 -s -p 20011
	watch iperf3 -c "$ip" -p "$port" -P 8 -f k ${sendfile:+-Z} \
	    -t "$(seconds)" "$@"
	awk '/SUM.*receiver/ { split($2, t, "-"); bytes = $6 * 125 * t[2] }
	END { printf "ops=1 bytes=%d\n", bytes }' "$tmp/client"
}

play_iperf3down()
{
	play_iperf3 -R
}

# The line of a cell: key=value, later ones hide earlier ones.
play_other()
{
	local port=20010 ip backend_pids='' ops

	read -r ip _ <<<"$proxy_ips"
	if [ "$proxy" = direct ]; then
		port=20011 ip=$backend_ip
	fi
	ops=$("play_$work")
	echo "$(cat "$tmp/used") errors=0 $ops"
}

# Runs a program that looks into the proxy, until it is told to stop.
profile()
{
	local file=$OUT/$row.${proxy//[@\/]/_}.$PROFILE

	[ "$proxy" != direct ] || return 0
	case $PROFILE in
	perf) perf record -q -g -e cpu-clock -F 4000 -p "$proxy_pids" \
	    -o "$file" & ;;
	strace) strace -f -c -U calls,errors,name -o "$file" \
	    -p "$proxy_pids" 2>/dev/null & ;;
	*) return ;;
	esac
	profiler=$!
}

# The conns of a cell were what the row says, or its figures are of another row.
check_sockets()	# SEEN
{
	local mss=${1##*mss=}

	[[ $1 == "cc=$congestion "* ]] ||
	    fail "$row, $proxy: congestion control is not $congestion: $1"
	case $path in
	lo) [ "$mss" -gt 1460 ] ;;
	veth) [ "$mss" -gt 0 ] && [ "$mss" -le 1460 ] ;;
	esac || fail "$row, $proxy: segments are not of $path: $1"
}

cell()	# ROW PROXY
{
	local line seen status=0

	row=$1 proxy=$2 processes='' proxy_pids='' profiler=''
	row_parse "$row"
	[ -z "$auto" ] || PROXY_CPU='' LOAD_CPU=''
	tmp=$(mktemp -d)
	chmod 755 "$tmp"
	trap stop_all EXIT
	trap 'exit 130' INT TERM
	ip link set lo up
	"lay_$path"
	if [ "$proxy" != direct ]; then
		start_proxy
	fi
	profile
	if [[ $work =~ ^($own_work)$ ]]; then
		line=$(play_load) || status=$?
	else
		line=$(play_other)
	fi
	if [ -n "$profiler" ]; then
		kill -INT "$profiler"
		wait "$profiler" || true
	fi
	[ $status -eq 0 ] || fail "$row, $proxy: $line"
	seen=$(sockets_seen)
	check_sockets "$seen"
	echo "$line $seen"
}
