#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# usage: metrics.py grow STATE <metrics    fails if a counter of STATE has gone
#                                          down or away; writes STATE anew
#        metrics.py hostile HOST PORT SECONDS
#                                          keeps 1000 conns there that never
#                                          read, send nothing, half a request or
#                                          a megabyte of it; prints how many
#                                          there were when that time is over
#                                          and a SIGTERM has come
#
# Histograms are counters, too: their buckets, sums and counts.

import json
import os
import selectors
import signal
import socket
import sys
import time

CONNS = 1000
KINDS = (
    b"",
    b"GET /metrics HTTP/1.1\r\nHost:",
    b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"a" * (1 << 20),
    b"\0\1\2\3" * 100,
)


def counters(text):
    types, values = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            types[name] = kind
        elif line and not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            name = series.split("{")[0]
            family = name
            for end in ("_bucket", "_sum", "_count"):
                if types.get(name.removesuffix(end)) == "histogram":
                    family = name.removesuffix(end)
            if types[family] in ("counter", "histogram"):
                values[series] = float(value)
    return values


def grow(state):
    now = counters(sys.stdin.read())
    if not now:
        sys.exit("no counters")
    if os.path.exists(state):
        with open(state) as file:
            before = json.load(file)
        for series, value in before.items():
            if now.get(series, -1) < value:
                sys.exit(f"{series}: {value}, then {now.get(series)}")
    with open(state, "w") as file:
        json.dump(now, file)


class Visitor:
    def __init__(self, selector, address, kind):
        self.left = memoryview(KINDS[kind])
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self.socket.connect_ex(address)
        self.selector = selector
        selector.register(self.socket, selectors.EVENT_WRITE, self)

    def on_event(self):
        """False: it is to be replaced.  What it is told is never read."""
        try:
            if self.left:
                self.left = self.left[self.socket.send(self.left):]
            if not self.left:
                self.selector.unregister(self.socket)
            return True
        except BlockingIOError:
            return True
        except OSError:
            self.selector.unregister(self.socket)
            self.socket.close()
            return False


def hostile(host, port, seconds):
    told_to_end = []
    signal.signal(signal.SIGTERM, lambda *_: told_to_end.append(True))
    selector = selectors.DefaultSelector()
    address = (host, int(port))
    count = 0
    all_of_them = []
    for count in range(CONNS):
        all_of_them.append(Visitor(selector, address, count % len(KINDS)))
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end or not told_to_end:
        for key, _ in selector.select(0.1):
            if not key.data.on_event() and count < 20 * CONNS:
                count += 1
                all_of_them.append(
                    Visitor(selector, address, count % len(KINDS)))
    print(count + 1)


if __name__ == "__main__":
    {"grow": grow, "hostile": hostile}[sys.argv[1]](*sys.argv[2:])
