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

function judge_one(r, metric, kind, limit,    peer, x)
{
	peer = best(r, kind, metric)
	x = peer == "" ? "" : ratio(r, name[1], peer, metric)
	if (x == "")
		return " - | - |"
	verdict = x > limit ? "**missed**" : "met"
	return sprintf(" %.2f (%.2f to %.2f) of %s | %s %s |", x, least, most,
	    peer, limit, verdict)
}

function judge(r, metric, haproxy, nginx,    x)
{
	if (metric == "to_direct") {
		x = ratio(r, name[1], "direct", "mb_s")
		verdict = x < haproxy ? "**missed**" : "met"
		if (x != "")
			printf "| %s | MB/s to direct | %.2f (%.2f to %.2f) " \
			    "| %s %s | | |\n", r, x, least, most, haproxy,
			    verdict
		return
	}
	if (value(r, name[1], metric) == "" || best(r, "", metric) == "")
		return
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
			if (part[1] == row[k] || part[1] == "*" &&
			    row[k] != "idle")
				judge(row[k], part[2], part[3], part[4])
	}
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
	judge_all()
	table("CPU time of the proxy per operation, us", "cpu_us", ".")
	table("CPU time of the whole machine per operation, us", "machine_us",
	    ".")
	table("Operations per second", "ops_s", "^(short|ping|answer|redis|wrk)")
	table("MB per second", "mb_s", "^(answer|down|up|mixed|iperf3)")
	table("Latency p50 / p99 / p99.9, us", "p50_us p99_us p999_us",
	    "^(short|ping|answer|mixed|redis|wrk)")
	table("Sleeps of the proxy's threads per operation", "sleeps_op",
	    "^[^i]|^iperf")
	table("Peak of resident memory, KiB", "peak_kb", ".")
	table("User memory of an idle conn, bytes", "bytes_conn", "^idle")
}
