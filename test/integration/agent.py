#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# The agent of a backend: agent.py PORT-FILE SAYS HEARD. It listens on a port of
# 127.0.0.1 and reads the file SAYS for each conn:
#
#	line TEXT	a line
#	crlf TEXT	the same, and a second line that does not count
#	open TEXT	a line, and the conn stays open
#	end TEXT	without an end of line: it closes
#	bytes TEXT	a line, byte by byte
#	slow TEXT	nothing behind the text, for as long as the peer waits
#	long		more than any line may have
#	reset		a reset
#
# What it has heard it adds to the file HEARD, a line for each conn.
import os
import socket
import struct
import sys
import threading
import time

port_file, says, heard = sys.argv[1:]


def wait_for_end(conn):
    while conn.recv(4096):
        pass


def talk(conn):
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with open(says, encoding="ascii") as file:
        way, _, text = file.read().rstrip("\n").partition(" ")
    conn.settimeout(0.01)
    try:
        words = conn.recv(4096)
    except TimeoutError:
        words = b""
    conn.settimeout(30)
    with open(heard, "a", encoding="ascii") as file:
        file.write(repr(words) + "\n")
    line = text.encode("latin1")
    if way in ("line", "open"):
        conn.sendall(line + b"\n")
    elif way == "crlf":
        conn.sendall(line + b"\r\ndown maint 0%\r\n")
    elif way in ("end", "slow"):
        conn.sendall(line)
    elif way == "bytes":
        for byte in line + b"\n":
            conn.sendall(bytes([byte]))
            time.sleep(0.001)
    elif way == "long":
        conn.sendall(b"up " * 1000)
    elif way == "reset":
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
    if way in ("open", "slow"):
        wait_for_end(conn)


def serve(conn):
    try:
        talk(conn)
    except OSError:
        pass
    conn.close()


listener = socket.create_server(("127.0.0.1", 0))
with open(port_file + ".new", "w", encoding="ascii") as out:
    print(listener.getsockname()[1], file=out)
os.rename(port_file + ".new", port_file)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],),
                     daemon=True).start()
