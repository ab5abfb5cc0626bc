#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""A DNS server that answers badly, over UDP and TCP.

usage: baddns.py PORT HOW [SRV-PORT]
It prints a line when it serves, and for each question.

HOW    fail     SERVFAIL
       empty    no answer, no error
       gone     NXDOMAIN
       slow     nothing at all
       flood    truncated over UDP; over TCP as many addresses, or SRV
                records, as fit, of 10,000
       huge     truncated over UDP; over TCP the address 127.0.0.9 alone, or
                an SRV record with the target huge.test and SRV-PORT
"""
import socket
import struct
import sys
import threading

PORT, HOW = int(sys.argv[1]), sys.argv[2]


def question_end(query):
    at = 12
    while query[at]:
        at += 1 + query[at]
    return at + 5


def record(wanted, i):
    """Number i of the records of that type."""
    if wanted == 1:
        data = struct.pack("!BBH", 127, 1, i) if HOW == "flood" \
            else bytes((127, 0, 0, 9))
    else:
        data = struct.pack("!HHH", 10, 1, i + 1) + b"\xc0\x0c" \
            if HOW == "flood" else \
            struct.pack("!HHH", 10, 1, int(sys.argv[3])) + \
            b"\4huge\4test\0"
    return struct.pack("!HHHIH", 0xc00c, wanted, 1, 1, len(data)) + data


def answer(query, tcp):
    end = question_end(query)
    question = query[12:end]
    wanted = struct.unpack("!H", query[end - 4:end - 2])[0]
    flags, records = 0x8180, b""
    count = 0
    if HOW == "fail":
        flags |= 2
    elif HOW == "gone":
        flags |= 3
    elif HOW in ("flood", "huge") and not tcp:
        flags |= 0x200
    elif HOW in ("flood", "huge") and wanted in (1, 33):
        room = 65535 - 12 - len(question)
        size = len(record(wanted, 0))
        count = min(10000, room // size) if HOW == "flood" else 1
        for i in range(count):
            records += record(wanted, i)
    return query[:2] + struct.pack("!HHHHH", flags, 1, count, 0, 0) + \
        question + records


def serve_tcp(listener):
    while True:
        sock, _ = listener.accept()
        with sock:
            try:
                size = sock.recv(2, socket.MSG_WAITALL)
                query = sock.recv(struct.unpack("!H", size)[0],
                                  socket.MSG_WAITALL)
                print("asked by TCP", flush=True)
                out = answer(query, True)
                sock.sendall(struct.pack("!H", len(out)) + out)
            except (ConnectionError, struct.error):
                pass


tcp_listener = socket.create_server(("127.0.0.1", PORT))
threading.Thread(target=serve_tcp, args=(tcp_listener,), daemon=True).start()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", PORT))
print("serving", flush=True)
while True:
    data, peer = udp.recvfrom(4096)
    print("asked", flush=True)
    if HOW != "slow":
        udp.sendto(answer(data, False), peer)
