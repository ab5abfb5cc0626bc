#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""usage: held.py HOST PORT COUNT TALLY

Holds COUNT conns with the hello servers behind HOST:PORT, and says which have
broken. Every other one asks five times a second; the rest are silent. Writes
TALLY when all are open, and anew after SIGUSR1, when all have been asked: for
each conn a line

    LOCAL_PORT open | refused | reset | end | no answer | other backend

SIGTERM ends it.
"""
import asyncio
import os
import signal
import sys

host, port, count, tally = (sys.argv[1], int(sys.argv[2]), int(sys.argv[3]),
                            sys.argv[4])


class Conn:
    def __init__(self, number):
        self.talks = number % 2 == 0
        self.port, self.state, self.backend = 0, "open", None
        self.lock = asyncio.Lock()

    async def open(self):
        try:
            self.reader, self.writer = await asyncio.open_connection(host, port)
        except OSError:
            self.state = "refused"
            return
        self.port = self.writer.get_extra_info("sockname")[1]
        await self.ask()

    async def answer(self):
        self.writer.write(b"GET / HTTP/1.1\r\nHost: lb4\r\n\r\n")
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length:"))
        return (await self.reader.readexactly(length)).split()[0]

    async def ask(self):
        async with self.lock:
            if self.state != "open":
                return
            try:
                backend = await asyncio.wait_for(self.answer(), 3)
                self.backend = self.backend or backend
                if backend != self.backend:
                    self.state = "other backend"
            except asyncio.IncompleteReadError:
                self.state = "end"
            except TimeoutError:
                self.state = "no answer"
            except OSError:
                self.state = "reset"

    async def talk(self):
        while self.talks and self.state == "open":
            await asyncio.sleep(0.2)
            await self.ask()


async def write_tally(conns):
    await asyncio.gather(*(conn.ask() for conn in conns))
    with open(tally + ".new", "w", encoding="ascii") as out:
        for conn in conns:
            print(conn.port, conn.state, file=out)
    os.replace(tally + ".new", tally)


async def main():
    loop = asyncio.get_running_loop()
    ended, asked = asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGUSR1, asked.set)
    conns = [Conn(i) for i in range(count)]
    await asyncio.gather(*(conn.open() for conn in conns))
    talks = [asyncio.create_task(conn.talk()) for conn in conns]
    asked.set()
    while not ended.is_set():
        if asked.is_set():
            asked.clear()
            await write_tally(conns)
        await asyncio.wait([asyncio.create_task(event.wait())
                            for event in (ended, asked)],
                           return_when=asyncio.FIRST_COMPLETED)
    for talk in talks:
        talk.cancel()


asyncio.run(main())
