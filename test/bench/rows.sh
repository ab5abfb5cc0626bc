# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# What the rows are. test/bench/run sources it. A row's name is its work, and
# words with hyphens before them for all that is not as usual:
#
#   bbr       BBR as congestion control in all namespaces, not $CONGESTION;
#             so cubic and reno
#   sendfile  whoever sends takes bodies from a memfd by sendfile(2), not from
#             its memory by send(2)
#   trunc     whoever receives counts bodies by MSG_TRUNC and copies none
#   veth      clients, proxy and backends are in three network namespaces, with
#             veth pairs of MTU 1500 between them, not on one loopback
#   idleN     N conns that carry nothing are open beside
#   auto      a worker for each CPU, and nobody chooses CPUs from outside
#
# Any work goes with any of the words as far as it makes sense.

# Work that load plays, and that other programs play.
own_work='(short|open|pingpong|down|up)[1-9][0-9]*|answer[1-9][0-9]*k'
own_work+='|mixed|mixed100|idle'
other_work='redis|sockperf|wrk|wrkshort|wrk64k|iperf3|iperf3down'

# By default: within 20 minutes. One of each kind, and the corners of the
# matrix.
default_rows='short64 short64-veth short256 open16 open256 open1000
    pingpong1 pingpong64 pingpong64-veth pingpong64-idle5000
    answer16k answer64k answer64k-bbr answer64k-sendfile-veth answer256k
    down8 down8-bbr down8-sendfile-trunc down8-veth down8-bbr-sendfile-veth
    up8 up8-bbr up8-sendfile up8-veth up8-bbr-sendfile-veth
    mixed short64-auto idle iperf3 wrk64k micro'

# With ROWS=all.
all_rows()
{
	local work modifier

	for work in short open; do
		echo ${work}{16,64,256,1000}{,-veth}
	done
	echo {short64,open64}-bbr{,-veth}
	echo pingpong{1,64}{,-veth} answer{16,256}k pingpong64-bbr{,-veth}
	for work in answer64k down8 up8; do
		echo ${work}{,-bbr}{,-sendfile}{,-veth}
		echo ${work}{,-bbr}-sendfile-trunc{,-veth}
	done
	echo down1 up1 mixed mixed100 mixed-veth
	echo {pingpong64,short64,open64}-idle5000
	for modifier in '' -veth; do
		echo {short64,open64,pingpong1,pingpong64}-auto$modifier
		echo {answer64k,down8,up8}-auto$modifier
	done
	echo idle redis{,-veth} sockperf{,-veth} wrk{,-veth} wrkshort{,-veth}
	echo wrk64k{,-bbr}{,-veth}
	echo {iperf3,iperf3down}{,-bbr}{,-sendfile}{,-veth}
	echo micro
}

# Sets from a row's name: work, congestion, sendfile, trunc, path, idle_conns,
# auto. False if it is no row.
row_parse()	# ROW
{
	local word list

	IFS=- read -ra list <<<"$1"
	# shellcheck disable=SC2153 # two variables
	work=${list[0]} congestion=$CONGESTION sendfile='' trunc='' path=lo
	idle_conns=0 auto=''
	for word in "${list[@]:1}"; do
		case $word in
		bbr | cubic | reno) congestion=$word ;;
		sendfile) sendfile=yes ;;
		trunc) trunc=yes ;;
		veth) path=veth ;;
		idle[1-9]*) idle_conns=${word#idle} ;;
		auto) auto=yes ;;
		*) return 1 ;;
		esac
	done
	[[ $idle_conns =~ ^[0-9]+$ ]] || return 1
	row_is_played
}

# Whether there is a program that plays the work in the way that is asked for.
row_is_played()
{
	[[ ! $work =~ ^($own_work)$ ]] || return 0
	[[ $work =~ ^($other_work)$ && -z $trunc && $idle_conns -eq 0 ]] ||
	    return 1
	[[ -z $sendfile || $work == iperf3* ]]
}

# The options of load for the row that was parsed.
row_options()
{
	case $work in
	short*) echo "-m short -c ${work#short}" ;;
	open*) echo "-m short -c $OPEN_CONNS -R $RATE -k ${work#open}" ;;
	pingpong*) echo "-m keep -c ${work#pingpong}" ;;
	answer*) echo "-m keep -c 16 -a ${work#answer}" ;;
	down*) echo "-m short -c ${work#down} -a 100M" ;;
	up*) echo "-m short -c ${work#up} -s 100M" ;;
	mixed) echo "-m keep -c 16 -R 2000 -B 4" ;;
	mixed100) echo "-m keep -c 100 -R 2000 -B 1" ;;
	idle) echo "-m idle -c $CONNS" ;;
	esac
	[ -z "$sendfile" ] || echo "-S"
	[ -z "$trunc" ] || echo "-T"
	case $work in
	# Something must be open when the congestion control is looked at.
	open*) echo "-I $((idle_conns + 1))" ;;
	idle) ;;
	*) echo "-I $idle_conns" ;;
	esac
}

# How many windows long it is measured: tails need more samples.
row_windows()
{
	case $work in
	open* | short256 | short1000) echo 2 ;;
	*) echo 1 ;;
	esac
}

# The proxies that may be the best in it, in the order of the tables.
row_proxies()
{
	case $work in
	short* | open* | wrkshort | idle)
		echo "lb4 ${auto:+lb4-unpinned} haproxy nginx nginx-half direct"
		;;
	pingpong* | redis | sockperf | wrk)
		echo "lb4 ${auto:+lb4-unpinned} haproxy nginx direct"
		;;
	answer16k)
		echo "lb4 haproxy haproxy-256k nginx nginx-256k direct"
		;;
	mixed*)
		echo "lb4 haproxy haproxy-auto haproxy-256k nginx" \
		    "nginx-256k direct"
		;;
	*)
		echo "lb4 ${auto:+lb4-unpinned} haproxy-auto haproxy-256k" \
		    "haproxy-splice nginx-256k direct"
		;;
	esac
}
