#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""For 47-port-range: a backend on each port of a range, and its clients.

free COUNT                  prints the first of COUNT ports that are free on
                            127.0.0.1 and 127.0.0.2, below those that the kernel
                            chooses, and reserves them as freeport does
serve FIRST COUNT PORTFILE  listens on all of 127.0.0.2, answers a client with
                            the port it came to, and then echoes what it sends
ask FIRST COUNT [PID]       connects to all of 127.0.0.1; each gets the answer of
                            the same port. With PID, the process is stopped
                            meanwhile: HUP follows, and then CONT
hold PORT FILE GO           gets its answer, creates FILE, and once GO is there,
                            is echoed
"""
import os
import random
import selectors
import signal
import socket
import sys
import time

# where freeport, too, reserves ports, and for whom
TAKEN, TEST = map(os.environ.get, ("PORTS_TAKEN", "TEST_NUMBER"))


def listen(host, port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(64)
    return s


def reserve(ports):
    """True if all of them are this test's now; else none is."""
    if TAKEN is None or TEST is None:
        return True
    for port in ports:
        try:
            os.symlink(TEST, f"{TAKEN}/{port}")
        except FileExistsError:
            give_back(range(ports[0], port))
            return False
    return True


def give_back(ports):
    if TAKEN is not None and TEST is not None:
        for port in ports:
            os.unlink(f"{TAKEN}/{port}")


def free(count):
    while True:
        first = random.randrange(10000, 32000 - count)
        ports, held = range(first, first + count), []
        if not reserve(ports):
            continue
        try:
            for port in ports:
                held += [listen("127.0.0.1", port), listen("127.0.0.2", port)]
            return first
        except OSError:
            give_back(ports)
        finally:
            for s in held:
                s.close()


def serve(first, count, portfile):
    poll = selectors.DefaultSelector()
    for port in range(first, first + count):
        poll.register(listen("127.0.0.2", port), selectors.EVENT_READ, port)
    with open(portfile, "w") as out:
        print(first, file=out)
    while True:
        for key, _ in poll.select():
            if key.data:
                s, _ = key.fileobj.accept()
                s.sendall(b"%d\n" % key.data)
                poll.register(s, selectors.EVENT_READ, 0)
                continue
            try:
                data = key.fileobj.recv(4096)
                key.fileobj.sendall(data)
            except OSError:
                data = b""
            if not data:
                poll.unregister(key.fileobj)
                key.fileobj.close()


def connect(port):
    # not from the address that lb4 connects from: it might take a client with
    # the port of one of its own conns for that conn
    return socket.create_connection(("127.0.0.1", port), 30, ("127.0.0.3", 0))


def answer(s, port):
    got = s.makefile("rb").readline()
    if got != b"%d\n" % port:
        sys.exit(f"port {port}: the answer is {got}")


def ask(first, count, pid):
    if pid:
        os.kill(pid, signal.SIGSTOP)
    clients = [(connect(port), port)
               for port in range(first, first + count)]
    if pid:
        os.kill(pid, signal.SIGHUP)
        os.kill(pid, signal.SIGCONT)
    for s, port in clients:
        answer(s, port)
        s.close()


def hold(port, path, go):
    s = connect(port)
    answer(s, port)
    open(path, "w").close()
    while not os.path.exists(go):
        time.sleep(0.02)
    s.sendall(b"still there\n")
    if s.makefile("rb").readline() != b"still there\n":
        sys.exit("the conn did not live on")


what, *args = sys.argv[1:]
if what == "free":
    print(free(int(args[0])))
elif what == "serve":
    serve(int(args[0]), int(args[1]), args[2])
elif what == "ask":
    ask(int(args[0]), int(args[1]), int(args[2]) if len(args) > 2 else 0)
else:
    hold(int(args[0]), args[1], args[2])
