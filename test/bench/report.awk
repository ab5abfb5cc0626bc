# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# results.csv to Markdown: tables of medians over the rounds, and of ratios of
# the first proxy to the others. A ratio is the median of those within rounds,
# since what disturbs a round disturbs all of it. proxies: in the tables'
# order; goals: the file of that name. run calls it.

BEGIN {
	FS = ","
	count = split(proxies, name, " ")
}

FNR == 1 {
	for (i = 1; i <= NF; i++)
		title[i] = $i
	next
}

{
	if (!($2 in seen)) {
		seen[$2] = 1
		row[++rows] = $2
	}
	if ($1 > rounds)
		rounds = $1
	for (i = 4; i <= NF; i++)
		if ($i != "")
			v[$2, $3, title[i], $1] = $i
	seen_cc[$2] = $(NF - 2)
	seen_mss[$2] = $(NF - 1)
	errors += $NF
}

# The median of list[1] to list[n], which it sorts; least and most too.
function median(n,    i, j, keep)
{
	for (i = 2; i <= n; i++) {
		keep = list[i]
		for (j = i - 1; j >= 1 && list[j] > keep; j--)
			list[j + 1] = list[j]
		list[j + 1] = keep
	}
	least = list[1]
	most = list[n]
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

# The median of a cell over the rounds; "" if some have no value: too few answers
# to tell how slow the slowest are is no ground to leave a bad round out.
function value(r, p, metric,    round, n, played)
{
	n = played = 0
	for (round = 1; round <= rounds; round++)
		played += (r, p, "ops", round) in v
	for (round = 1; round <= rounds; round++)
		if ((r, p, metric, round) in v)
			list[++n] = v[r, p, metric, round] + 0
	return n > 0 && n == played ? median(n) : ""
}

# The median of the ratio of p to q within rounds, or "".
function ratio(r, p, q, metric,    round, n)
{
	n = 0
	for (round = 1; round <= rounds; round++)
		if ((r, p, metric, round) in v && (r, q, metric, round) in v &&
		    v[r, q, metric, round] > 0)
			list[++n] = v[r, p, metric, round] / \
			    v[r, q, metric, round]
	return n ? median(n) : ""
}

# The proxy of that kind with the least of the metric, or "".
function best(r, kind, metric,    i, least_value, found, this)
{
	found = ""
	for (i = 2; i <= count; i++) {
		if (kind != "" && index(name[i], kind) != 1 ||
		    kind == "" && name[i] == "direct")
			continue
		this = value(r, name[i], metric)
		if (this != "" && (found == "" || this < least_value)) {
			least_value = this
			found = name[i]
		}
	}
	return found
}

function show(x)
{
	if (x == "" || x == 0)
		return "-"
	if (x >= 100)
		return sprintf("%.0f", x)
	return x >= 10 ? sprintf("%.1f", x) : sprintf("%.2f", x)
}

function head(text,    i)
{
	printf "\n%s\n\n| row |", text
	for (i = 1; i <= count; i++)
		printf " %s |", name[i]
	printf "\n|---|"
	for (i = 1; i <= count; i++)
		printf "---:|"
	print ""
}

# A table of one metric, or of several with slashes between; rows: a pattern
# of those shown.
function table(text, metrics, rows_shown,    i, j, k, n, metric, x, line, any, started)
{
	n = split(metrics, metric, " ")
	started = 0
	for (k = 1; k <= rows; k++) {
		if (row[k] !~ rows_shown)
			continue
		line = "| " row[k] " |"
		any = 0
		for (i = 1; i <= count; i++) {
			for (j = 1; j <= n; j++) {
				x = value(row[k], name[i], metric[j])
				any = any || x != ""
				line = line (j > 1 ? " / " : " ") show(x)
			}
			line = line " |"
		}
		if (any && !started++)
			head(text)
		if (any)
			print line
	}
}

function judge_one(r, metric, kind, limit,    part, peer, x)
{
	if (split(limit, part, ":") == 2)
		kind = part[2]
	peer = best(r, kind, metric)
	x = peer == "" ? "" : ratio(r, name[1], peer, metric)
	if (x == "")
		return " - | - |"
	return sprintf(" %.2f (%.2f to %.2f) of %s | %s %s |", x, least, most,
	    peer, part[1], x > part[1] + 0 ? "**missed**" : "met")
}

# A goal with one figure: low is the least that is good enough, else the most.
function judge_alone(r, what, x, low, limit,    missed)
{
	if (x == "")
		return
	missed = low ? x < limit + 0 : x > limit + 0
	printf "| %s | %s | %s (%s to %s) | %s %s | | |\n", r, what, show(x),
	    show(least), show(most), limit, missed ? "**missed**" : "met"
}

function judge(r, metric, haproxy, nginx)
{
	if (metric == "to_direct")
		judge_alone(r, "MB/s to direct",
		    ratio(r, name[1], "direct", "mb_s"), 1, haproxy)
	else if (metric == "fair")
		judge_alone(r, "slowest conn / fastest",
		    value(r, name[1], "fair"), 1, haproxy)
	else if (metric == "bytes_most")
		judge_alone(r, "bytes_conn", value(r, name[1], "bytes_conn"),
		    0, haproxy)
	else if (value(r, name[1], metric) != "" && best(r, "", metric) != "")
		printf "| %s | %s |%s%s\n", r, metric,
		    judge_one(r, metric, "haproxy", haproxy),
		    judge_one(r, metric, "nginx", nginx)
}

function judge_all(    line, part, k)
{
	printf "\n%s against HAProxy and nginx, each with the configuration " \
	    "that was best in the row: ratio (least to most in a round), and " \
	    "the goal\n\n", name[1]
	print "| row | of | to HAProxy | goal | to nginx | goal |"
	print "|---|---|---|---|---|---|"
	while ((getline line <goals) > 0) {
		if (line ~ /^#/ || split(line, part, " ") < 3)
			continue
		for (k = 1; k <= rows; k++)
			if (row[k] ~ "^(" part[1] ")$" &&
			    (part[2] != "machine_us" || row[k] !~ /^idle/))
				judge(row[k], part[2], part[3], part[4])
	}
}

# One metric of the first proxy, and its ratio to the best of the others.
function beside(r, metric,    peer, x)
{
	x = value(r, name[1], metric)
	peer = best(r, "", metric)
	if (x == "" || peer == "")
		return " " show(x) " | - |"
	return sprintf(" %s | %.2f of %s |", show(x),
	    ratio(r, name[1], peer, metric), peer)
}

# All rows at a glance.
function summary(    k)
{
	printf "\n%s in each row, and its ratio to the best of the others\n\n",
	    name[1]
	print "| row | seen by ss | CPU, us | | machine CPU, us | | p99, us " \
	    "| | p99.9, us | |"
	print "|---|---|---:|---|---:|---|---:|---|---:|---|"
	for (k = 1; k <= rows; k++)
		printf "| %s | %s, mss %s |%s%s%s%s\n", row[k],
		    seen_cc[row[k]], seen_mss[row[k]],
		    beside(row[k], "cpu_us"), beside(row[k], "machine_us"),
		    beside(row[k], "p99_us"), beside(row[k], "p999_us")
}

function quiet(    k, i, round, n)
{
	n = 0
	for (k = 1; k <= rows; k++)
		for (i = 1; i <= count; i++)
			for (round = 1; round <= rounds; round++)
				if ((row[k], name[i], "others_pct", round) in v)
					list[++n] = v[row[k], name[i],
					    "others_pct", round] + 0
	if (n == 0)
		return
	k = median(n)
	printf "\nOther programs took %.0f %% of the machine's CPU time in the " \
	    "median cell, %.0f %% in the worst", k, most
	ending = k > 3 || most > 10 ? ": **the machine was not quiet**." : "."
	print ending
}

END {
	printf "\nMedians of %d rounds.", rounds
	if (errors > 0)
		printf " **%d requests failed.**", errors
	print ""
	quiet()
	summary()
	judge_all()
	table("CPU time of the proxy per operation, us", "cpu_us", ".")
	table("CPU time of the whole machine per operation, us", "machine_us",
	    ".")
	table("Operations per second", "ops_s", "^(short|open|ping|answer|redis|sock|wrk)")
	table("MB per second", "mb_s", "^(answer|down|up|mixed|iperf3)")
	table("Latency p50 / p99 / p99.9, us", "p50_us p99_us p999_us",
	    
	    "^(short|open|ping|answer|mixed|redis|sock|wrk)")
	table("Sleeps of the proxy's threads per operation", "sleeps_op",
	    "^[^i]|^iperf")
	table("Slowest conn by fastest, bytes", "fair", ".")
	table("Peak of resident memory, KiB", "peak_kb", ".")
	table("User memory of an idle conn, bytes", "bytes_conn", "^idle")
}
