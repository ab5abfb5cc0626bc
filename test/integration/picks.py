#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""usage: picks.py HOST PORT FIRST COUNT [STEP]

Asks the hello servers behind HOST:PORT from COUNT addresses, FIRST on, STEP (1)
apart; writes "ADDRESS BACKEND" for each. Fails when one is not served.
"""
import ipaddress
import socket
import sys

host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[4])
step = int(sys.argv[5]) if len(sys.argv) > 5 else 1
first = ipaddress.ip_address(sys.argv[3])
for i in range(count):
    source = str(first + i * step)
    with socket.create_connection((host, port), 5, (source, 0)) as conn:
        conn.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: conn.recv(4096), b""))
    print(source, answer.split(b"\r\n\r\n", 1)[1].split()[0].decode())
