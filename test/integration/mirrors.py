#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""The peers of 67-mirror and 67-mirror-fails.

    mirrors.py serve PORTFILE KIND OUT [PORTFILE KIND OUT...]
    mirrors.py clients ADDR CONNS SEED MOST

A client's stream is its name, 16 bytes, and then up to MOST random bytes, in
random pieces and a FIN.  It expects the digest of all that as the answer, and
prints a line "NAME DIGEST".  With a file HOLD in the environment, it sends one
half of MOST bytes, makes HOLD.half, and waits for HOLD to be there.  MS in the
environment is a file for how many milliseconds each conn took.

A server listens on a port that the kernel chooses, or on unix:PATH if PORTFILE
is that; one process may be several servers.  It writes a line "NAME DIGEST END"
to OUT for each conn, in which END is fin or rst.  KINDs:
    answer  answers with the digest after the FIN
    mute    answers nothing and closes after the FIN
    flood   the same, but sends all the time
    early   the same, but sends a FIN at once
    slow    reads 1000 bytes every 10 ms
    sip     reads up to 64 KiB every 500 ms
    reset   resets after 1000 bytes
    header  the same as mute, after a line that it writes to OUT.header"""
import asyncio
import hashlib
import os
import random
import socket
import sys
import time

# Writers are rarely at rest on a busy machine.
PATIENCE = 240
NAME = 16


def tell(out, text):
    with open(out, "a") as file:
        file.write(text + "\n")


async def answer(loop, conn, kind, digest):
    if kind == "answer":
        await loop.sock_sendall(conn, digest.hexdigest().encode())


async def flood(loop, conn):
    try:
        while True:
            await loop.sock_sendall(conn, bytes(65536))
    except OSError:
        pass


async def read_header(loop, conn, out):
    line = b""
    while not line.endswith(b"\r\n"):
        line += await loop.sock_recv(conn, 1)
    tell(out + ".header", line.decode().strip())


async def read_all(loop, conn, kind, out):
    digest, got, name = hashlib.sha256(), 0, b""
    if kind == "header":
        await read_header(loop, conn, out)
    while True:
        if kind in ("slow", "sip"):
            await asyncio.sleep(0.01 if kind == "slow" else 0.5)
        try:
            piece = await loop.sock_recv(conn, 1000 if kind in
                                         ("slow", "reset") else 65536)
        except OSError:
            return digest, name, "rst"
        if not piece:
            return digest, name, "fin"
        name += piece[:NAME - len(name)]
        got += len(piece)
        digest.update(piece)
        if kind == "reset" and got >= 1000:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            b"\1\0\0\0\0\0\0\0")
            return digest, name, "rst"


async def serve_one(loop, conn, kind, out):
    more = None
    if kind == "flood":
        more = asyncio.ensure_future(flood(loop, conn))
    if kind == "early":
        conn.shutdown(socket.SHUT_WR)
    digest, name, end = await read_all(loop, conn, kind, out)
    # told first: who waits for the answer then looks at OUT
    tell(out, f"{name.decode(errors='replace')} {digest.hexdigest()} {end}")
    try:
        if end == "fin":
            await answer(loop, conn, kind, digest)
    except OSError:
        pass
    if more:
        more.cancel()
        await asyncio.gather(more, return_exceptions=True)
    conn.close()


async def serve(portfile, kind, out, *more):
    others = asyncio.ensure_future(serve(*more)) if more else None
    loop, tasks = asyncio.get_running_loop(), set()
    if portfile.startswith("unix:"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(portfile[5:])
    else:
        listener = socket.socket()
        if kind == "slow":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    listener.setblocking(False)
    if not portfile.startswith("unix:"):
        with open(portfile + ".new", "w") as file:
            print(listener.getsockname()[1], file=file)
        os.rename(portfile + ".new", portfile)
    while not (others and others.done()):
        conn, _ = await loop.sock_accept(listener)
        conn.setblocking(False)
        task = asyncio.ensure_future(serve_one(loop, conn, kind, out))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def send_body(loop, conn, dice, body, hold):
    half, sent = len(body) // 2, 0
    while sent < len(body):
        piece = body[sent:sent + dice.choice((100, 5000, 40000, 300000))]
        await loop.sock_sendall(conn, piece)
        sent += len(piece)
        if hold and sent >= half:
            open(hold + ".half", "w").close()
            while not os.path.exists(hold):
                await asyncio.sleep(0.01)
            hold = None
        if dice.random() < 0.2:
            await asyncio.sleep(0.001)


async def client(addr, number, seed, most):
    loop, dice = asyncio.get_running_loop(), random.Random(f"{seed}/{number}")
    host, port = addr.rsplit(":", 1)
    body = b"%016d" % (number + 1000000 * (seed % 1000000))
    # one at least is as large as that
    body += dice.randbytes(most if os.environ.get("HOLD") or number == 0 else
                           dice.choice((0, 100, 3000, most // 3, most)))
    want = hashlib.sha256(body).hexdigest()
    conn, began, got = socket.socket(), time.monotonic(), b""
    conn.setblocking(False)
    await loop.sock_connect(conn, (host, int(port)))
    await send_body(loop, conn, dice, body, os.environ.get("HOLD"))
    conn.shutdown(socket.SHUT_WR)
    while piece := await loop.sock_recv(conn, 65536):
        got += piece
    conn.close()
    if got.decode() != want:
        raise ValueError(f"{number}: the answer is {got!r}, not {want}")
    print(body[:NAME].decode(), want)
    return (time.monotonic() - began) * 1000


async def clients(addr, conns, seed, most):
    gate = asyncio.Semaphore(int(os.environ.get("ATONCE", "32")))

    async def one(number):
        async with gate:
            return await client(addr, number, seed, most)

    took = await asyncio.wait_for(
        asyncio.gather(*(one(i) for i in range(conns))),
        PATIENCE if conns < 500 else 4 * PATIENCE)
    if os.environ.get("MS"):
        with open(os.environ["MS"], "w") as file:
            file.writelines(f"{ms:.2f}\n" for ms in sorted(took))


if sys.argv[1] == "serve":
    asyncio.run(serve(*sys.argv[2:]))
else:
    asyncio.run(clients(sys.argv[2], *map(int, sys.argv[3:])))
