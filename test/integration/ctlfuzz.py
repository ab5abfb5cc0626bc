#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""usage: ctlfuzz.py SOCKET SECONDS SEED

Callers who say to a control socket, at random, commands that are right, nearly
right, and nonsense, in pieces, many at a time, and read some of the answers.
Spares the service called steady. Fails when an answer is no answer: text that
is no text, JSON that is none. Prints how many lines it has sent and how many
answers it has read.
"""
import json
import os
import random
import select
import socket
import sys
import time

path, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
services = ["web", "other", "nosuch", "", "w" * 63, "w" * 64]
backends = ["one", "two", "new", "nosuch", "", "-", "é"]
values = ["0", "1", "5", "256", "257", "-1", "1e9", "18446744073709551616",
          "1s", "10ms", "0s", "31d", "20/s", "0/s", "1.1", "nan", "inf", "",
          "192.0.2.7", "::1", "[::1]:80", "192.0.2.7:1", "unix:/x", "all",
          "/dev/zero", "/", "/nosuch", "/dev/null", "\\x00", "\\x0a", "\\xzz",
          "force", "write", "drain", "ready", "debug", "info", "%s%n", "'",
          '"', ";", "=", "x" * 255, "x" * 300]
options = ["deadline", "rate", "threshold", "service", "backend", "client",
           "idle", "age", "id", "timeout", "weight", "zone", "maxconn",
           "backup", "check-addr", "down", "down-after", ""]
names = ["status", "conns", "info", "table", "explain", "simulate", "doctor",
         "monitor", "wait", "check", "drain", "ready", "rebalance", "maint",
         "weight", "log-level", "node", "add", "reload", "save", "remove",
         "help", "nosuch", ""]


def target():
    return rng.choice(services) + "/" + rng.choice(backends)


def word():
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(services)
    if kind == 1:
        return target()
    if kind == 2:
        return rng.choice(options) + "=" + rng.choice(values)
    if kind == 3:
        return "--json"
    return rng.choice(values)


def likely():
    """A command as it should be, more or less."""
    name = rng.choice(names)
    words = {
        "drain": [target(), "rate=20/s"], "ready": [target()],
        "maint": [target()], "weight": [target(), str(rng.randrange(300))],
        "add": [target(), "127.0.0.1:%d" % rng.randrange(1, 65536)],
        "remove": [target()], "rebalance": [rng.choice(services)],
        "explain": [rng.choice(services), "192.0.2.%d" % rng.randrange(256)],
        "check": [rng.choice(services)], "wait": ["ready", "timeout=10ms"],
        "node": [rng.choice(["", "drain", "ready", "drain deadline=1s"])],
        "conns": ["service=web"], "status": [rng.choice(services)],
    }.get(name, [])
    if rng.random() < 0.05:
        return "kill service=" + rng.choice(["web", "other", "nosuch"])
    return " ".join([name] + words)


def line():
    kind = rng.random()
    if kind < 0.5:
        text = likely()
    elif kind < 0.9:
        text = " ".join([rng.choice(names)] +
                        [word() for _ in range(rng.randrange(6))])
    elif kind < 0.95:
        return rng.randbytes(rng.randrange(1, 200)).replace(b"kill", b"k")
    else:
        text = "x " * rng.randrange(3000)
    if rng.random() < 0.3:
        text += " --json"
    data = bytearray(text.encode())
    if data and rng.random() < 0.1:
        data[rng.randrange(len(data))] = rng.randrange(256)
    return b"help" if b"kill" in data and b"service=" not in data else \
        bytes(data)


class Caller:
    def __init__(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(path)
        self.sock.setblocking(False)
        self.got = b""

    def check(self, data):
        self.got += data
        *lines, self.got = self.got.split(b"\n")
        for one in lines:
            if one.startswith(b'{"'):
                json.loads(one)
            elif any(byte < 32 and byte != 9 for byte in one):
                sys.exit(f"no text: {one!r}")
        return lines.count(b"")


sent = answers = 0
callers = []
until = time.monotonic() + seconds
while time.monotonic() < until:
    if len(callers) < 24 and rng.random() < 0.2 or not callers:
        callers.append(Caller())
    caller = rng.choice(callers)
    text = b"".join(line() + b"\n" for _ in range(rng.randrange(1, 4)))
    if rng.random() < 0.2:
        text = text[:rng.randrange(len(text) + 1)]
    try:
        caller.sock.send(text)
        sent += text.count(b"\n")
        while select.select([caller.sock], [], [], 0.01 * rng.random())[0]:
            data = caller.sock.recv(65536)
            if data == b"":
                raise ConnectionError
            answers += caller.check(data)
        if rng.random() < 0.1:
            raise ConnectionError
    except BlockingIOError:
        pass
    except OSError:
        callers.remove(caller)
        caller.sock.close()
if not os.path.exists(path):
    sys.exit("the socket is gone")
print(f"sent {sent} lines, read {answers} answers")
