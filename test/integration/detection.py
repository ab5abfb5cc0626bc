#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""For 59-detection: backends with faults, and how soon lb4 notices them.

usage: detection.py serve FILE PORT...
       detection.py measure DIR LB4CTL ROUNDS

serve    answers HTTP on the ports; FILE, if it exists, holds a fault: error,
         stall or drip
measure  runs the rounds against the lb4 at LB4_CONTROL, and prints the table
"""
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time

FAULTS = ("crash", "hole", "stop", "error", "stall", "drip")
FALL, RISE, INTER_MS, TIMEOUT_MS = 3, 2, 500, 500
JITTER = 1.1


async def answer(path, reader, writer):
    try:
        await reader.readuntil(b"\r\n\r\n")
        try:
            with open(path) as file:
                fault = file.read().strip()
        except FileNotFoundError:
            fault = ""
        if fault == "stall":
            writer.write(b"HTTP/1.1 20")
            await asyncio.sleep(60)
        elif fault == "drip":
            for byte in b"HTTP/1.1 200 OK\r\n\r\n":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
        else:
            status = "500 no" if fault == "error" else "200 OK"
            writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def serve(path, ports):
    for port in ports:
        await asyncio.start_server(
            lambda r, w: answer(path, r, w), "127.0.0.1", port)
    await asyncio.Event().wait()


class Backend:
    def __init__(self, where, fault, number, port):
        self.fault, self.number, self.port = fault, number, port
        self.file = f"{where}/{fault}.{number}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "serve", self.file, str(self.port)])

    def hole(self, verb):
        subprocess.run(["nft", verb, "element", "ip", "hole", "ports",
                        f"{{ {self.port} }}"], check=True)

    def fail(self):
        if self.fault == "crash":
            self.process.kill()
            self.process.wait()
        elif self.fault == "hole":
            self.hole("add")
        elif self.fault == "stop":
            self.process.send_signal(signal.SIGSTOP)
        else:
            with open(self.file, "w") as file:
                file.write(self.fault)

    def recover(self):
        if self.fault == "crash":
            self.start()
        elif self.fault == "hole":
            self.hole("delete")
        elif self.fault == "stop":
            self.process.send_signal(signal.SIGCONT)
        else:
            os.unlink(self.file)

    def end(self):
        self.process.kill()
        self.process.wait()


class Lb4:
    def __init__(self, ctl):
        self.ctl = ctl

    def rows(self):
        """When, and each backend's health and since when it has been so."""
        before = time.monotonic()
        out = subprocess.run([self.ctl, "status", "--json"], check=True,
                             capture_output=True, text=True).stdout
        now = (before + time.monotonic()) / 2
        return {(s["service"], b["backend"]):
                (b["health"],
                 now - (b["health_since_ms"] or 0) / 1000)
                for s in json.loads(out)["services"] for b in s["backends"]}

    def wait(self, backends, health):
        """When each of them became so; they must, within a minute."""
        deadline = time.monotonic() + 60
        while True:
            rows = self.rows()
            found = [rows[(b.fault, f"b{b.number}")] for b in backends]
            if all(state == health for state, _ in found):
                return [since for _, since in found]
            if time.monotonic() > deadline:
                sys.exit(f"not all are {health}: " + str(
                    [b.fault for b, f in zip(backends, found)
                     if f[0] != health]))
            time.sleep(0.1)


def measure(where, ctl, rounds):
    lb4 = Lb4(ctl)
    backends = {f: [Backend(where, f, i, 20000 + FAULTS.index(f) * rounds + i)
                    for i in range(rounds)] for f in FAULTS}
    every = [b for some in backends.values() for b in some]
    took = {f: ([], []) for f in FAULTS}
    try:
        lb4.wait(every, "up")
        for i in range(rounds):
            now = [backends[f][i] for f in FAULTS]
            for which, act, health in ((0, "fail", "down"),
                                       (1, "recover", "up")):
                began = []
                for one in now:
                    getattr(one, act)()
                    began.append(time.monotonic())
                for one, start, end in zip(now, began,
                                           lb4.wait(now, health)):
                    took[one.fault][which].append((end - start) * 1000)
    finally:
        for one in every:
            one.end()
    # a stopped process and a hole also need the timeout
    down_ms = FALL * INTER_MS * JITTER + TIMEOUT_MS
    up_ms = RISE * INTER_MS * JITTER + TIMEOUT_MS
    over = False
    print(f"{'fault':8} {'down/ms':>8} {'up/ms':>8}"
          f"   (medians of {rounds}; at most {down_ms:.0f} and {up_ms:.0f})")
    for fault in FAULTS:
        down, up = (statistics.median(one) for one in took[fault])
        print(f"{fault:8} {down:8.0f} {up:8.0f}")
        over |= down > down_ms or up > up_ms
    if over and rounds > 1:
        sys.exit("slower than that")


if sys.argv[1] == "serve":
    asyncio.run(serve(sys.argv[2], [int(port) for port in sys.argv[3:]]))
else:
    measure(sys.argv[2], sys.argv[3], int(sys.argv[4]))
