# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# usage: hellos.py PORT APP WEB SPARE
# Clients of lb4 whose ClientHello comes in pieces: cut in two segments, and in
# two records, at every CUT_STEP-th byte (from the environment, 61); byte by
# byte; with 16 KiB of keys. Each finishes its handshake, and must get the
# backend of its name.
import os
import socket
import ssl
import sys
import time

port = int(sys.argv[1])
app, web, spare = sys.argv[2:]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def begin(name):
    """A client that has made its hello; the hello."""
    come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(come, go, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return tls, come, go, go.read()


def connect():
    conn = socket.create_connection(("127.0.0.1", port), timeout=60)
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return conn


def finish(conn, tls, come, go):
    """The rest of the handshake; the line of the server."""
    step = tls.do_handshake
    while True:
        try:
            result = step()
            if step == tls.read:
                return result.decode().strip()
            step = tls.read
        except ssl.SSLWantReadError:
            conn.sendall(go.read())
            got = conn.recv(65536)
            if not got:
                sys.exit("the server has closed")
            come.write(got)


def check(want, name, pieces):
    tls, come, go, hello = begin(name)
    with connect() as conn:
        for piece in pieces(hello):
            conn.sendall(piece)
        got = finish(conn, tls, come, go)
    if got != want:
        sys.exit(f"{name}: {got} in place of {want}")


def segments(hello, cut):
    yield hello[:cut]
    time.sleep(0.0005)
    yield hello[cut:]


def records(hello, cut):
    head, body = hello[:3], hello[5:]
    for part in body[:cut], body[cut:]:
        yield head + len(part).to_bytes(2, "big") + part


length = len(begin("app.example.org")[3])
step = int(os.environ.get("CUT_STEP", "61"))
for at in range(1, length, step):
    check(app, "app.example.org", lambda hello: segments(hello, at))
for at in range(1, length - 5, step):
    check(web, "www.example.org", lambda hello: records(hello, at))
check(app, "app.example.org",
      lambda hello: (hello[i:i + 1] for i in range(len(hello))))
check(spare, "other.example", lambda hello: [hello])

# As large as a hello with post-quantum keys may become: only the way counts,
# since no server understands it.
hello = bytearray(begin("app.example.org")[3])
padding = b"\xfa\xfa" + (16000).to_bytes(2, "big") + bytes(16000)
body = bytearray(hello[9:])
at = 2 + 32
at += 1 + body[at]
at += 2 + int.from_bytes(body[at:at + 2], "big")
at += 1 + body[at]
total = int.from_bytes(body[at:at + 2], "big") + len(padding)
body[at:at + 2] = total.to_bytes(2, "big")
body = body[:at + 2] + padding + body[at + 2:]
message = b"\x01" + len(body).to_bytes(3, "big") + bytes(body)
with connect() as conn:
    for first in range(0, len(message), 4000):
        part = message[first:first + 4000]
        conn.sendall(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part)
    answer = conn.recv(1)
    if answer not in (b"\x16", b"\x15"):
        sys.exit(f"a large hello: {answer}")
