#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""
epolls.py PID

For how many microseconds the kernel polls network devices before each epoll
descriptor of a process sleeps, a line each; "unknown" if it cannot be asked.
"""
import ctypes
import errno
import fcntl
import os
import struct
import sys

PIDFD_GETFD = 438
EPIOCGPARAMS = 0x80088A02

libc = ctypes.CDLL(None, use_errno=True)


def usecs(fd):
    params = bytearray(8)
    fcntl.ioctl(fd, EPIOCGPARAMS, params)
    return struct.unpack("=IHBx", params)[0]


def main():
    pid = int(sys.argv[1])
    process = os.pidfd_open(pid)
    for name in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{name}") != "anon_inode:[eventpoll]":
            continue
        fd = libc.syscall(PIDFD_GETFD, process, int(name), 0)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        try:
            print(usecs(fd))
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL,
                                   errno.EOPNOTSUPP):
                raise
            print("unknown")
            return


main()
