#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""For 47-mptcp: a backend, clients, and a look at lb4's sockets.

has                        whether this kernel gives MPTCP
serve PORTFILE LOG         a backend of MPTCP; a client's first line says what it
                           is to do; LOG gets a line when a client resets it
talk PROTOCOL PORT         bytes each way at once, a half-close, a reset of the
                           backend and one of the client
hold PROTOCOL PORT OPEN GO gets an echo, creates OPEN, and gets another one once
                           GO is there
queue PORT COUNT PID       so many clients wait while the process is stopped; HUP
                           follows, and then CONT; each gets its echo
sockets PID PORT BACKEND   for each listener and conn of lb4 what it speaks: tcp,
                           mptcp, or fallback; sorted, without repetition
plain PID PORT             TCP_USER_TIMEOUT, SO_OOBINLINE and TCP_KEEPIDLE of a
                           client's socket of TCP
"""
import ctypes
import hashlib
import os
import signal
import socket
import struct
import sys
import threading
import time

MPTCP = 262
SIZE = 5 << 20
BYTES = hashlib.shake_128(b"lb4").digest(SIZE)
RESET = struct.pack("ii", 1, 0)


def client(protocol, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM,
                      MPTCP if protocol == "mptcp" else 0)
    s.settimeout(60)
    s.connect(("127.0.0.1", port))
    return s


def take_all(s):
    got = hashlib.sha256()
    size = 0
    while data := s.recv(1 << 16):
        got.update(data)
        size += len(data)
    return size, got.digest()


def expect(s, data):
    if take_all(s) != (len(data), hashlib.sha256(data).digest()):
        sys.exit("other bytes than were sent")


def answer(s, log):
    line = b""
    while not line.endswith(b"\n"):
        line += s.recv(1)
    try:
        if line == b"echo\n":
            while data := s.recv(1 << 16):
                s.sendall(data)
        elif line == b"after\n":
            if s.recv(1) == b"":
                s.sendall(BYTES)
        elif line == b"reset\n":
            s.sendall(BYTES[:100000])
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        else:
            s.sendall(b"?")
            s.recv(1)
    except ConnectionResetError:
        with open(log, "a") as out:
            print("reset", file=out)
    s.close()


def serve(portfile, log):
    lis = socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
    lis.bind(("127.0.0.1", 0))
    lis.listen(64)
    with open(portfile, "w") as out:
        print(lis.getsockname()[1], file=out)
    while True:
        s, _ = lis.accept()
        threading.Thread(target=answer, args=(s, log), daemon=True).start()


def talk(protocol, port):
    s = client(protocol, port)
    s.sendall(b"echo\n")
    sender = threading.Thread(target=lambda: (s.sendall(BYTES),
                                              s.shutdown(socket.SHUT_WR)))
    sender.start()
    expect(s, BYTES)
    sender.join()
    s = client(protocol, port)
    s.sendall(b"after\n")
    s.shutdown(socket.SHUT_WR)
    expect(s, BYTES)
    s = client(protocol, port)
    s.sendall(b"reset\n")
    try:
        take_all(s)
        sys.exit("a FIN came for the backend's reset")
    except ConnectionResetError:
        pass
    s = client(protocol, port)
    s.sendall(b"wait\n")
    s.recv(1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    s.close()


def echo(s, word):
    s.sendall(word)
    got = b""
    while len(got) < len(word):
        got += s.recv(100) or sys.exit("no echo")
    if got != word:
        sys.exit("another echo")


def hold(protocol, port, opened, go):
    s = client(protocol, port)
    s.sendall(b"echo\n")
    echo(s, b"one")
    open(opened, "w").close()
    while not os.path.exists(go):
        time.sleep(0.02)
    echo(s, b"two")


def queue(port, count, pid):
    os.kill(pid, signal.SIGSTOP)
    clients = [client("mptcp" if i % 2 else "tcp", port)
               for i in range(count)]
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGCONT)
    for s in clients:
        s.sendall(b"echo\n")
        echo(s, b"served")


def each_socket(pid):
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    pidfd = os.pidfd_open(pid)
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                continue
        except OSError:
            continue
        fd = syscall(438, pidfd, int(name), 0)  # pidfd_getfd
        if fd < 0:
            sys.exit(77)
        s = socket.socket(fileno=fd)
        if s.family != socket.AF_INET:
            continue
        try:
            peer = s.getpeername()[1]
        except OSError:
            peer = 0
        if peer or s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            yield s, s.getsockname()[1], peer


def speaks(s, peer):
    if s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) != MPTCP:
        return "tcp"
    if not peer:
        return "mptcp"
    info = s.getsockopt(284, 1, 64)  # SOL_MPTCP, MPTCP_INFO
    flags, = struct.unpack_from("I", info, 8)
    return "fallback" if flags & 1 or not flags & 2 else "mptcp"


def sockets(pid, port, backend):
    seen = set()
    for s, mine, peer in each_socket(pid):
        if peer == backend:
            seen.add("backend=" + speaks(s, peer))
        elif mine == port:
            seen.add(("client=" if peer else "listener=") + speaks(s, peer))
    print(*sorted(seen))


def plain(pid, port):
    for s, mine, peer in each_socket(pid):
        if mine == port and peer and speaks(s, peer) == "tcp":
            print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
                  s.getsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE),
                  s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))
            return


what, *words = sys.argv[1:]
if what == "has":
    socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
elif what == "serve":
    serve(*words)
elif what == "talk":
    talk(words[0], int(words[1]))
elif what == "hold":
    hold(words[0], int(words[1]), *words[2:])
else:
    {"queue": queue, "sockets": sockets,
     "plain": plain}[what](*map(int, words))
