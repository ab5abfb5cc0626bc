# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# Makes a line of results.csv out of a cell's line of key=value (load -h tells
# what it says). With head=1: the line of titles. An operation is a request; of
# bulk and mixed rows 100 MiB; of idle a conn. run calls it.

BEGIN {
	if (head) {
		print "round,row,proxy,ops,secs,ops_s,mb_s,p50_us,p99_us," \
		    "p999_us,cpu_us,machine_us,load_us,others_pct," \
		    "stolen_pct,sleeps_op,peak_kb,pss_kb,bytes_conn,fair,cc,mss," \
		    "errors"
		exit
	}
}

{
	for (i = 1; i <= NF; i++) {
		split($i, pair, "=")
		v[pair[1]] = pair[2]
	}
	ops = v["ops"]
	samples = "samples" in v && v["samples"] > 0 ? v["samples"] : ops
	if (row ~ /^(down|up|mixed|iperf3)/)
		ops = v["bytes"] / (100 * 1024 * 1024)
	secs = v["wall"] / 1e9
	if (ops == 0 || secs == 0)
		exit
	all = v["wall"] * cpus
	others = v["machine"] - v["proxy"] - v["load"]
	printf "%d,%s,%s,%.2f,%.3f,%.1f,%.1f", round, row, proxy, ops, secs,
	    ops / secs, v["bytes"] / secs / 1e6
	# Too few answers tell nothing of the rare ones.
	count = split("p50 10 p99 500 p999 5000", want, " ")
	for (i = 1; i < count; i += 2) {
		if (v[want[i]] == 0 || samples < want[i + 1])
			printf ","
		else
			printf ",%.2f", v[want[i]] / 1e3
	}
	printf ",%.3f,%.3f,%.3f,%.1f,%.1f,%.3f", v["proxy"] / 1e3 / ops,
	    v["machine"] / 1e3 / ops, v["load"] / 1e3 / ops,
	    100 * others / all, 100 * v["stolen"] / all, v["sleeps"] / ops
	printf ",%d,%d,%s,%s,%s,%d,%d\n", v["peak_kb"], v["pss_kb"],
	    (row ~ /^idle/ ? sprintf("%.0f", v["pss_kb"] * 1024 / conns) : ""),
	    (v["fair"] > 0 ? v["fair"] : ""), v["cc"], v["mss"],
	    v["errors"] + v["stuck"]
}
