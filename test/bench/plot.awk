# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# Data for plot.gp out of results.csv, into the directory dir: a file for each
# plot with a line for each row and a column for each proxy, and plot.vars with
# names and colours. run calls it.

BEGIN {
	FS = ","
	count = split(proxies, name, " ")
	hues = "haproxy #e6862c #f2b26b #f8d9b0 nginx #3a923a #8cc98c #c4e5c4 " \
	    "direct #999999 #bbbbbb #dddddd lb4 #2f5fb3 #7fa3de #b9cdf0 " \
	    "other #8a4fa3 #b98ccb #dcc5e5"
	split(hues, hue, " ")
	for (i = 1; i <= count; i++) {
		for (k = 1; k < 17; k += 4)
			if (index(name[i], hue[k]) == 1)
				break
		shade = used[k]++
		names = names " " name[i]
		colours = colours " " hue[k + 1 + (shade > 2 ? 2 : shade)]
	}
	printf "names = '%s'\ncolours = '%s'\n", names, colours >(dir "/plot.vars")
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
	rounds = $1 > rounds ? $1 : rounds
	for (i = 4; i <= NF; i++)
		if ($i != "")
			v[$2, $3, title[i], $1] = $i
}

function median(n,    i, j, keep)
{
	for (i = 2; i <= n; i++) {
		keep = list[i]
		for (j = i - 1; j >= 1 && list[j] > keep; j--)
			list[j + 1] = list[j]
		list[j + 1] = keep
	}
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

# The median of the metric, in each round divided by that of `base` if there
# is one; "-" if there is no value.
function value(r, p, metric, base,    round, n, by)
{
	n = 0
	for (round = 1; round <= rounds; round++) {
		by = base == "" ? 1 : v[r, base, metric, round]
		if ((r, p, metric, round) in v && by > 0)
			list[++n] = v[r, p, metric, round] / by
	}
	return n ? median(n) : "-"
}

function data(file, metric, base, pattern, without,    k, i, x, line, any)
{
	file = dir "/" file ".dat"
	printf "" >file
	for (k = 1; k <= rows; k++) {
		line = row[k]
		any = 0
		for (i = 1; i <= count; i++) {
			x = name[i] == without ? "-" : \
			    value(row[k], name[i], metric, base)
			any = any || x != "-"
			line = line " " x
		}
		if (any && row[k] ~ pattern)
			print line >file
	}
	close(file)
}

END {
	printf "width = %d\n", (rows > 14 ? rows * 70 : 1000) >(dir "/plot.vars")
	data("cpu", "cpu_us", name[1], "^[^i]|^iperf", "direct")
	data("machine", "machine_us", name[1], "^[^i]|^iperf", "direct")
	data("rate", "ops_s", name[1], 
	    "^(short|open|ping|answer|down|up|redis|sock|wrk)", "")
	data("latency", "p99_us", "", 
	    "^(short|open|ping|answer|mixed|redis|sock|wrk)", "")
	data("idle", "bytes_conn", "", "^idle", "direct")
}
