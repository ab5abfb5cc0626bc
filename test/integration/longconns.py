#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""Long conns through lb4, both their ends in this process.

usage: longconns.py serve DIR NAME...
       longconns.py hold DIR ADDR IDLE BUSY [reconnect]

serve  a backend for each NAME, at ADDRESS of the environment or 127.0.0.1; the
       port is written to DIR/NAME.port. An idle
       conn has its first 8 bytes echoed; a busy one gets a stream without end.
hold   opens IDLE idle and BUSY busy conns, and makes DIR/held when each has
       had something from its backend. A busy one is
       read slowly, so that bytes are in flight at all times. With reconnect a
       conn that was closed with a FIN is opened again.

The stream is made of blocks of 4096 bytes: their number, and a CRC of the rest.
SIGTERM ends either, and it prints how the conns ended, as this end has seen it:
idle_fin= idle_rst= busy_fin= busy_rst= wrong= open=. A FIN in a stream without
end is one that looks complete and is not.
"""
import os
import resource
import select
import signal
import socket
import struct
import sys
import zlib

BLOCK = 4096
FILL = bytes(i * 7 & 255 for i in range(BLOCK - 12))


def block(number):
    body = struct.pack("!Q", number) + FILL
    return body + struct.pack("!I", zlib.crc32(body))


class End:
    """A socket and how far its stream is."""

    def __init__(self, sock, busy=None):
        self.sock, self.busy = sock, busy
        self.got, self.number, self.out = b"", 0, b""


class Ends:
    def __init__(self):
        self.epoll = select.epoll()
        self.by_fd = {}
        self.count = dict.fromkeys(
            ("idle_fin", "idle_rst", "busy_fin", "busy_rst", "wrong"), 0)
        self.over = False
        signal.signal(signal.SIGTERM, self.end)

    def end(self, *_):
        self.over = True

    def add(self, end, events):
        self.by_fd[end.sock.fileno()] = end
        self.epoll.register(end.sock, events)

    def ended(self, end, how):
        kind = "busy" if end.busy else "idle"
        self.count[f"{kind}_{how}"] += 1
        del self.by_fd[end.sock.fileno()]
        end.sock.close()

    def receive(self, end, size):
        """Bytes; b"" when there are none now, None when it has ended."""
        try:
            data = end.sock.recv(size)
        except BlockingIOError:
            return b""
        except OSError:
            self.ended(end, "rst")
            return None
        if data == b"":
            self.ended(end, "fin")
            return None
        return data

    def report(self, listeners=0):
        print(*(f"{k}={v}" for k, v in self.count.items()),
              f"open={len(self.by_fd) - listeners}", flush=True)


def serve(where, names):
    ends, listeners = Ends(), {}
    for name in names:
        sock = socket.create_server(
            (os.environ.get("ADDRESS", "127.0.0.1"), 0), backlog=4096)
        sock.setblocking(False)
        listeners[sock.fileno()] = sock
        ends.epoll.register(sock, select.EPOLLIN)
        with open(f"{where}/{name}.port.new", "w") as out:
            print(sock.getsockname()[1], file=out)
        os.rename(f"{where}/{name}.port.new", f"{where}/{name}.port")

    def accept(listener):
        while True:
            try:
                sock, _ = listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
            ends.add(End(sock), select.EPOLLIN)

    def write(end):
        try:
            while True:
                if not end.out:
                    end.out = block(end.number)
                    end.number += 1
                end.out = end.out[end.sock.send(end.out):]
        except BlockingIOError:
            pass
        except OSError:
            ends.ended(end, "rst")

    def read(end):
        data = ends.receive(end, 64)
        if not data:
            return
        end.got += data
        if end.busy is None and len(end.got) >= 8:
            end.busy = end.got.startswith(b"busy")
            if end.busy:
                ends.epoll.modify(end.sock, select.EPOLLIN | select.EPOLLOUT)
            else:
                end.sock.send(end.got)

    while not ends.over:
        for fd, events in ends.epoll.poll(1):
            if fd in listeners:
                accept(listeners[fd])
                continue
            end = ends.by_fd.get(fd)
            if end and events & ~select.EPOLLOUT:
                read(end)
            if fd in ends.by_fd and events & select.EPOLLOUT:
                write(end)
    ends.report()


def hold(where, addr, idle, busy, reconnect):
    ends, answered, streaming = Ends(), 0, set()
    host, port = addr.rsplit(":", 1)

    def open_one(is_busy):
        sock = socket.socket()
        if is_busy:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sock.connect((host, int(port)))
        sock.send(b"busy8888" if is_busy else b"idle8888")
        sock.setblocking(False)
        # the busy ones are read by the clock
        ends.add(End(sock, is_busy), 0 if is_busy else select.EPOLLIN)

    def check(end, data):
        end.got += data
        while len(end.got) >= BLOCK:
            if end.got[:BLOCK] != block(end.number):
                ends.count["wrong"] += 1
            end.got = end.got[BLOCK:]
            end.number += 1

    for i in range(idle + busy):
        open_one(i >= idle)
    held = False
    while not ends.over:
        # EPOLLHUP and EPOLLERR come without being asked for
        for fd, _ in ends.epoll.poll(0.1):
            end = ends.by_fd.get(fd)
            if end is None or end.busy:
                continue
            fins = ends.count["idle_fin"]
            data = ends.receive(end, 64)
            answered += len(data or b"") // 8
            if ends.count["idle_fin"] > fins and reconnect:
                open_one(False)
        for end in [e for e in ends.by_fd.values() if e.busy]:
            data = ends.receive(end, 1024)
            if data:
                check(end, data)
                streaming.add(end)
        if not held and answered >= idle and len(streaming) >= busy:
            held = True
            open(f"{where}/held", "w").close()
    ends.report()


limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
if sys.argv[1] == "serve":
    serve(sys.argv[2], sys.argv[3:])
else:
    hold(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]),
         "reconnect" in sys.argv[6:])
