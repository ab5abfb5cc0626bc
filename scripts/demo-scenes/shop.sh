# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# What the scenes with the shop share, on top of lib.sh: its instances app1,
# app2 and app3, and its customers. etc/examples/shop/customers.py says what
# its tables mean.

shop=etc/examples/shop
customers=30

# use_example NAME: its lb4.ini, with ports that are free.
use_example()
{
	local from=8080 name script="s|/run/lb4/lb4.sock|$dir/lb4.sock|;"

	take_ports shop app1 app2 app3
	for name in shop app1 app2 app3; do
		script+="s/127\.0\.0\.1:$from\b/127.0.0.1:${port[$name]}/;"
		from=$((from + 1))
	done
	sed "$script" "etc/examples/$1/lb4.ini" >"$dir/lb4.ini"
	grep -vE '^(;|$)' "$dir/lb4.ini" | indent
}

instance_answers()
{
	curl -fs --max-time 5 -o "$dir/health" \
	    "http://127.0.0.1:${port[$1]}/healthz"
}

start_instance()	# NAME STORE
{
	"$shop/shop.py" -l "127.0.0.1:${port[$1]}" -n "$1" -s "$2" \
	    >>"$dir/$1.log" 2>&1 &
	pid[$1]=$!
	until_true 60 instance_answers "$1" ||
	    die "$1 does not answer: $(tail -n 3 "$dir/$1.log")"
}

# send_customers TABLE WHAT [NUMBER]: lets them do it; the table is a file.
send_customers()
{
	"$shop/customers.py" -f "$dir/customers" "127.0.0.1:${port[shop]}" \
	    "$2" "${3:-1}" >"$dir/$1" || die "the customers gave up"
}

# of WHO WHAT TABLE: the cell of it, 0 if there is no such row.
of()
{
	awk -v who="$1" -v what="$2" '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
		$1 == who { cell = $column[what] }
		END { print cell == "" ? 0 : cell }' "$dir/$3"
}

none()		# WHAT TABLE: it is 0 for all
{
	[ "$(of all "$1" "$2")" -eq 0 ]
}

everybody()	# WHAT TABLE: it is so of all customers
{
	[ "$(of all "$1" "$2")" -eq "$(of all customers "$2")" ]
}

# One line of the summary for a table: summary_line TEXT TABLE
summary_line()
{
	local what

	printf '  %-31s' "$1"
	for what in requests retried failed moved lost; do
		printf ' %8s' "$(of all "$what" "$2")"
	done
	echo
}

summary_head()
{
	printf '  %-31s %8s %8s %8s %8s %8s\n' '' requests retried failed \
	    moved lost
}

hints()
{
	cat <<END
http://127.0.0.1:${port[shop]}/ in a browser: any name, password demo
kill -KILL ${pid[app1]}    (app1; look again)
tail -f $dir/lb4.log
END
}
