# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# usage: tlsname.py NAME CERT KEY PORT-FILE
# A TLS server on 127.0.0.1 that answers each client with a line: its own NAME.
# A client whose name begins with "hold" is kept until it leaves.
import os
import socket
import ssl
import sys
import threading

name, cert, key, port_file = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
context.set_alpn_protocols(["h2", "postgresql", "http/1.1"])
asked = threading.local()


def note(connection, server_name, _context):
    asked.name = server_name or ""


context.sni_callback = note


def serve(connection):
    try:
        connection.settimeout(60)
        asked.name = ""
        with context.wrap_socket(connection, server_side=True) as tls:
            if tls.selected_alpn_protocol() == "http/1.1":
                tls.recv(4096)
                tls.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            tls.sendall(name.encode() + b"\n")
            if asked.name.startswith("hold"):
                tls.recv(1)
            tls.unwrap()
    except (OSError, ValueError):
        connection.close()


listener = socket.create_server(("127.0.0.1", 0), backlog=128)
with open(port_file + ".new", "w") as file:
    print(listener.getsockname()[1], file=file)
os.rename(port_file + ".new", port_file)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
