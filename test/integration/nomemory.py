#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""usage: nomemory.py offline|start DIRECTORY WORD...
       nomemory.py control DIRECTORY SOCKET PORT PID

Lets allocations of lb4 fail, one after another, by the library nomemory.so in
DIRECTORY (nomemory.c tells what the file `shared` there has).  NOMEMORY_FULL
set: every single one; else about 40 of each kind, at places that differ from
run to run.

offline runs WORD... until each has failed once: it ends by itself, says why it
fails, or what it says is what it says with memory.  start likewise, and where
it becomes ready all the same, it is ended.  control asks all commands of the
control socket: each is done as a whole, or refused with a reason with nothing
changed; what it has allocated is freed; a client is served."""
import json
import mmap
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time

FULL = 'NOMEMORY_FULL' in os.environ
EVER = 1 << 40
COUNT, FROM, TO, FAILED, LIVE, LONGEST = range(6)
how, directory = sys.argv[1:3]


class Shared:
    def __init__(self):
        self.path = directory + '/shared'
        with open(self.path, 'wb') as file:
            file.write(bytes(4096))
        self.file = open(self.path, 'r+b')
        self.map = mmap.mmap(self.file.fileno(), 4096)

    def __getitem__(self, field):
        return struct.unpack_from('<Q', self.map, 8 * field)[0]

    def __setitem__(self, field, value):
        struct.pack_into('<Q', self.map, 8 * field, value)

    def arm(self, first, last):
        self[FROM] = 0
        self[COUNT] = self[FAILED] = 0
        self[TO] = last
        self[FROM] = first

    def disarm(self):
        self[FROM] = 0
        return self[FAILED] > 0


def fail(*words):
    sys.exit('FAIL: ' + ' '.join(map(str, words)))


def places(count):
    """Which of `count` allocations are to fail: the first ones in any case."""
    if FULL or count <= 40:
        return range(1, count + 1)
    rest = random.sample(range(11, count + 1), 30)
    return list(range(1, 11)) + sorted(rest)


# ---- processes that end by themselves --------------------------------------

def run(shared, words, first, last):
    shared.arm(first, last)
    done = subprocess.run(words, stdin=subprocess.DEVNULL, timeout=60,
                          capture_output=True, env=environment())
    return done.returncode, done.stdout, done.stderr


def environment():
    return dict(os.environ, LD_PRELOAD=directory + '/nomemory.so',
                NOMEMORY=directory + '/shared')


def offline(words):
    shared = Shared()
    status, out, err = run(shared, words, 0, 0)
    if status != 0:
        fail(words, status, err)
    count = shared[COUNT]
    for n in places(count):
        for last in (n, EVER):
            got = run(shared, words, n, last)
            where = f'{" ".join(words[1:])}: allocation {n} of {count}' + \
                (' and all behind it' if last != n else '')
            if got[0] not in (0, 1, 2):
                fail(where, 'status', got[0], got[2])
            if got[0] != 0 and not got[2].strip():
                fail(where, 'status', got[0], 'and no reason')
            if got[0] == 0 and got[1] != out:
                fail(where, 'is not noticed:', got[1])
    print(f'{" ".join(words[1:])}: {count} allocations')


def start(words):
    shared = Shared()
    n = count = 0
    todo = None
    while todo is None or todo:
        n = todo.pop(0) if todo else 0
        shared.arm(n, n)
        lb4 = subprocess.Popen(words, stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, env=environment())
        text = b''
        while b'ready: ' not in text:
            line = lb4.stderr.readline()
            text += line
            if not line:
                break
        if todo is None:
            count = shared[COUNT]
            todo = list(places(count))
        if b'ready: ' in text:
            lb4.send_signal(signal.SIGTERM)
            if lb4.wait(20) != 0:
                fail('start: allocation', n, 'status', lb4.returncode, text)
        elif lb4.wait(20) not in (1, 3) or not text.strip():
            fail('start: allocation', n, 'status', lb4.returncode, text)
        lb4.stderr.close()
    print(f'start: {count} allocations')


# ---- the control socket ----------------------------------------------------

class Control:
    def __init__(self, path, port, pid):
        self.path, self.port, self.pid = path, port, pid
        self.shared = Shared.__new__(Shared)
        self.shared.path = directory + '/shared'
        self.shared.file = open(self.shared.path, 'r+b')
        self.shared.map = mmap.mmap(self.shared.file.fileno(), 4096)
        self.socket = None

    def ask(self, line):
        """The answer, or None when it has closed."""
        if self.socket is None:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(30)
            self.socket.connect(self.path)
        self.socket.sendall(line.encode() + b'\n')
        text = b''
        while not text.endswith(b'\n\n') and text != b'\n':
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                part = b''
            if not part:
                self.socket.close()
                self.socket = None
                return None
            text += part
        return text.decode()

    def state(self):
        """All that a command may change."""
        answer = json.loads(self.ask('status --json'))
        level = self.ask('log-level').strip()
        with open(directory + '/lb4.ini') as file:
            text = file.read()
        return (answer['configuration_checksum'], answer['node'], level, text,
                [(s['service'], s['configuration_checksum'],
                  s['table_checksum'],
                  [(b['backend'], b['weight'], b['admin'])
                   for b in s['backends']]) for s in answer['services']])

    def serves(self):
        with socket.create_connection(('127.0.0.1', self.port), 10) as client:
            client.settimeout(10)
            client.sendall(b'ping')
            client.shutdown(socket.SHUT_WR)
            if client.recv(100) != b'ping':
                fail('a client is not served')

    def live(self):
        """Allocations that are there, once what is under way is over."""
        self.ask('log-level')
        before, same = self.shared[LIVE], 0
        for _ in range(200):
            time.sleep(.01)
            now = self.shared[LIVE]
            same = same + 1 if now == before else 0
            before = now
            if same == 10:
                break
        return before

    def prepare(self, pair):
        if callable(pair):
            pair()
        elif pair is not None:
            answer = self.attempt(pair)
            if answer is None or 'error' in answer.split('\n')[0]:
                fail(pair, 'with memory:', answer)

    def attempt(self, line, first=0, last=0):
        """Asks, again while the log has yet to take up what was before."""
        answer = 'try again'
        while answer and 'try again' in answer:
            self.shared.arm(first, last)
            answer = self.ask(line)
        return answer

    def sweep(self, line, before=None, after=None):
        """`before` goes ahead of each try; `after` undoes it."""
        shared = self.shared
        for _ in range(2):
            self.prepare(before)
            from_state = self.state()
            answer = self.attempt(line, EVER, EVER)
            if answer is None or 'error' in answer.split('\n')[0]:
                fail(line, 'with memory:', answer)
            time.sleep(.01)
            count = shared[COUNT]
            shared.disarm()
            to_state = self.state()
            self.prepare(after)
        first = self.live()
        said = closed = 0
        for n in places(count + 3):
            for last in (n, EVER):
                self.prepare(before)
                answer = self.attempt(line, n, last)
                failed = shared.disarm()
                where = f'{line}: allocation {n} of {count}'
                state = self.state()
                if answer is None:
                    closed += 1
                elif 'error' in answer.split('\n')[0]:
                    said += 1
                    if not failed:
                        fail(where, 'none has failed:', answer)
                    if 'emory' not in answer:
                        fail(where, 'no reason:', answer)
                    if state != from_state:
                        fail(where, 'refused, but changed:', answer,
                             from_state, state)
                elif state != to_state:
                    fail(where, 'not done:', answer, to_state, state)
                if callable(after) or state != from_state:
                    self.prepare(after)
            if n % 10 == 0:
                self.serves()
        self.serves()
        left = self.live() - first
        print(f'{line}: {count} allocations, {said} refused, '
              f'{closed} closed, {left} left', flush=True)
        # a list may have grown, once; what leaks, leaks each time
        if left > 8:
            fail(line, 'leaks')


def write(text):
    def action():
        with open(directory + '/new', 'w') as file:
            file.write(text)
        os.rename(directory + '/new', directory + '/lb4.ini')
    return action


def control(path, port, pid):
    self = Control(path, int(port), int(pid))
    with open(directory + '/lb4.ini') as file:
        text = file.read()
    with open(directory + '/other.ini') as file:
        other = file.read()

    def changed():
        write(other)()

    def unchanged():
        write(text)()
        self.prepare('reload')

    def weighed():
        write(text)()
        self.prepare('weight web/a 7')

    def unweighed():
        write(text)()
        self.prepare('weight web/a 1')

    for line in ('status', 'conns', 'info', 'table', 'help', 'doctor',
                 'explain sticky 10.0.0.1', 'explain web 10.0.0.1:77',
                 'explain sticky 10.0.0.1 down-after=sticky/a', 'node',
                 'check web', 'log-level', 'wait ready web', 'save',
                 f'simulate {directory}/other.ini'):
        self.sweep(line)
        self.sweep(line + ' --json')
    for json_too in ('', ' --json'):
        self.sweep('save' + json_too, weighed, unweighed)
        self.sweep('save write' + json_too, weighed, unweighed)
        self.sweep('weight web/a 7' + json_too, None, 'weight web/a 1')
        self.sweep('add web/x 127.0.0.1:1 weight=2' + json_too, None,
                   'remove web/x')
        self.sweep('remove web/z' + json_too, None, 'add web/z 127.0.0.1:1')
        self.sweep('drain web/a rate=10/s deadline=1s' + json_too, None,
                   'ready web/a')
        self.sweep('maint web/a' + json_too, None, 'ready web/a')
        self.sweep('rebalance sticky' + json_too)
        self.sweep('kill service=web' + json_too)
        self.sweep('node drain deadline=9s' + json_too, None, 'node ready')
        self.sweep('log-level debug' + json_too, None, 'log-level info')
        self.sweep('reload' + json_too, changed, unchanged)
    os.kill(int(pid), 0)


if how == 'offline':
    offline(sys.argv[3:])
elif how == 'start':
    start(sys.argv[3:])
else:
    control(*sys.argv[3:])
