#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""closures.py LOG RATE: fails if an access log (kv) has, in any second, clearly
more conns that drain, rebalance or on-down has closed than RATE.

A line has the time of the conn's end, which follows its close when both peers
have answered.  On a busy machine some answers come late, so a second may have
what was closed in half a second before it."""
import datetime
import re
import sys

line = re.compile(r"time=(\S+)Z .* reason=[DBH][ID] ")
found = (line.match(text) for text in open(sys.argv[1]))
ends = sorted(round(datetime.datetime.fromisoformat(m[1]).timestamp() * 1000)
              for m in found if m)
first = most = 0
for last, end in enumerate(ends):
    while end - ends[first] >= 1000:
        first += 1
    most = max(most, last - first + 1)
print("closures:", len(ends), "most in a second:", most)
sys.exit(not ends or most > int(sys.argv[2]) * 3 / 2)
