# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""A service manager with a file descriptor store, as systemd has it.

usage: fdstore.py SOCKET GO PID CMD...

Runs CMD, whose messages it gets at SOCKET and writes to standard output, and
writes its process ID to PID. Stores the descriptors that it is given. When CMD
is killed, waits for the file GO, removes it, and runs CMD again with what is
stored. When CMD ends by itself, says how much is stored and ends.
"""
import array
import os
import select
import socket
import sys

where, go, pidfile, *command = sys.argv[1:]
stored = []  # (name, descriptor)
inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
inbox.bind(where)
os.environ["NOTIFY_SOCKET"] = where


def say(text):
    print(text, flush=True)


def run():
    pid = os.fork()
    if pid:
        with open(pidfile + ".new", "w") as file:
            file.write(f"{pid}\n")
        os.rename(pidfile + ".new", pidfile)
        return pid
    # out of the way of descriptors 3 and up
    high = [os.dup2(fd, 500 + i) for i, (_, fd) in enumerate(stored)]
    for i, fd in enumerate(high):
        os.dup2(fd, 3 + i)
        os.close(fd)
    for name in "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES":
        os.environ.pop(name, None)
    if stored:
        os.environ["LISTEN_PID"] = str(os.getpid())
        os.environ["LISTEN_FDS"] = str(len(stored))
        os.environ["LISTEN_FDNAMES"] = ":".join(name for name, _ in stored)
    os.execv(command[0], command)


def on_message():
    text, control, _, _ = inbox.recvmsg(8192, socket.CMSG_SPACE(253 * 4))
    fds = array.array("i")
    for _, _, data in control:
        fds.frombytes(data)
    text = text.decode()
    fields = dict(line.split("=", 1) for line in text.split("\n") if line)
    name = fields.get("FDNAME")
    if "FDSTORE" in fields:
        assert fields["FDPOLL"] == "0" and len(name) < 256 and ":" not in name
        for fd in fds:
            inodes = [os.fstat(other).st_ino for _, other in stored]
            if os.fstat(fd).st_ino in inodes:
                os.close(fd)
                say(f"again {name}")
            else:
                stored.append((name, fd))
                say(f"stored {name}")
        return
    for fd in fds:
        os.close(fd)
    if "FDSTOREREMOVE" in fields:
        for entry in [e for e in stored if e[0] == name]:
            os.close(entry[1])
            stored.remove(entry)
            say(f"removed {name}")
        return
    say(text.replace("\n", " "))


while True:
    child = run()
    watched = os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([inbox, watched], [], [])
        if inbox in ready:
            on_message()
        else:
            break
    os.close(watched)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        say(f"ended with {os.WEXITSTATUS(status)}, {len(stored)} stored")
        break
    say(f"killed, {len(stored)} stored")
    while not os.path.exists(go):
        select.select([], [], [], 0.02)
    os.unlink(go)
