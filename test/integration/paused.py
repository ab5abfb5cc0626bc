#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""usage: paused.py DIR COUNT SECONDS

An echo server, whose port goes to DIR/peers.port, and COUNT + 1 clients of the
lb4 whose port and process id are in DIR/lb4. Each sends a byte and gets it
back. Then lb4 is stopped for so many seconds; all clients but the last, which
is silent, send another byte meanwhile. Says how many got it back when lb4 went
on, and whether the silent one was open then.
"""
import asyncio
import os
import signal
import sys
import time

where, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])


async def echo(reader, writer):
    try:
        while data := await reader.read(100):
            writer.write(data)
    except (OSError, asyncio.CancelledError):
        pass
    writer.close()


async def back(client):
    try:
        return await client[0].read(1) == b"x"
    except OSError:
        return False


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1000)
    with open(f"{where}/port.new", "w") as file:
        print(server.sockets[0].getsockname()[1], file=file)
    os.rename(f"{where}/port.new", f"{where}/peers.port")
    while not os.path.exists(f"{where}/lb4"):
        await asyncio.sleep(0.02)
    port, pid = map(int, open(f"{where}/lb4").read().split())
    clients = await asyncio.gather(
        *[asyncio.open_connection("127.0.0.1", port)
          for _ in range(count + 1)])
    for client in clients:
        client[1].write(b"x")
    if not all(await asyncio.gather(*map(back, clients))):
        sys.exit("a conn broke before the pause")
    *talkers, silent = clients
    os.kill(pid, signal.SIGSTOP)
    for client in talkers:
        client[1].write(b"x")
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)
    answered = sum(await asyncio.gather(*map(back, talkers)))
    state = "open" if not silent[0].at_eof() and \
        silent[0].exception() is None else "closed"
    print(f"answered={answered} silent={state}")


asyncio.run(main())
