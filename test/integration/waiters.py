#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""Clients that wait for a backend, and the backend that comes.

usage: waiters.py clients DIR ADDR COUNT
       waiters.py backend DIR PORT COUNT

clients  connects COUNT times, one after the other, sends each conn's number and
         makes DIR/waiting; once all have ended, prints served= reset= closed=.
         A client is served that receives its number.
backend  serves COUNT clients (a check is none) and prints displaced=, by how many places a client
         was served before another that had come earlier, at most.
"""
import selectors
import socket
import sys


def clients(directory, addr, count):
    host, port = addr.rsplit(":", 1)
    ended = dict.fromkeys(("served", "reset", "closed"), 0)
    selector = selectors.DefaultSelector()
    for number in range(count):
        sock = socket.create_connection((host, int(port)))
        try:
            sock.sendall(b"%8d" % number)
        except ConnectionError:
            ended["reset"] += 1  # it was refused already
            sock.close()
            continue
        selector.register(sock, selectors.EVENT_READ, number)
    open(directory + "/waiting", "w", encoding="ascii").close()
    while selector.get_map():
        for key, _ in selector.select():
            try:
                got = key.fileobj.recv(8)
                how = "served" if got == b"%8d" % key.data else "closed"
            except ConnectionError:
                how = "reset"
            ended[how] += 1
            selector.unregister(key.fileobj)
            key.fileobj.close()
    print(*("%s=%d" % one for one in ended.items()))


def backend(port, count):
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    order = []
    while len(order) < count:
        sock, _ = listener.accept()
        got = sock.recv(8, socket.MSG_WAITALL)
        if got.strip().isdigit():  # else a check
            order.append(int(got))
            sock.sendall(got)
        sock.close()
    least, displaced = count, 0
    for number in reversed(order):
        # it was served before `least`, which had come earlier
        displaced = max(displaced, number - least if number > least else 0)
        least = min(least, number)
    print("displaced=%d" % displaced)


if sys.argv[1] == "clients":
    clients(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    backend(int(sys.argv[3]), int(sys.argv[4]))
