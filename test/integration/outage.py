#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""usage: outage.py URL-HOST PORT TALLY

A client that opens a connection every 10 ms, asks the hello server behind it,
and gives up after 900 ms: a SYN that was lost is sent again after a second, and
must not make up for it. Writes to TALLY, anew every 50 ms, one line

    ATTEMPTS FAILED OUTAGE_MS GOOD_MS BROKEN LATE_MS

OUTAGE_MS is the time from the first attempt that failed to the first that went
well after the last that failed, by when they began; 0 when none failed.
GOOD_MS: for how long all that began have gone well, up to now. BROKEN: how many
of those that failed had been accepted before. LATE_MS: by how much the latest
attempt came too late, since this process did not run: what was seen says as
much about the machine then. SIGUSR2 pauses it, when all attempts have ended and
TALLY has been written once more; SIGUSR1 begins anew. SIGTERM ends it.
"""
import asyncio
import os
import signal
import sys
import time

host, port, tally = sys.argv[1], int(sys.argv[2]), sys.argv[3]
results = {}  # when it began, in ms: whether it went well
broken = 0
late = 0


async def attempt():
    global broken
    began = time.monotonic() * 1000
    writer = None
    try:
        async with asyncio.timeout(0.9):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            answer = await reader.read()
        results[began] = b" 200 " in answer.split(b"\r\n", 1)[0]
    except (OSError, TimeoutError):
        results[began] = False
        broken += writer is not None
    finally:
        if writer is not None:
            writer.transport.abort()


def sum_up():
    whens = sorted(results)
    failed = [when for when in whens if not results[when]]
    last = failed[-1] if failed else 0
    good = [when for when in whens if when > last]
    outage = good[0] - failed[0] if failed and good else 0
    return (f"{len(whens)} {len(failed)} {outage:.0f} "
            f"{good[-1] - good[0] if good else 0:.0f} {broken} "
            f"{late:.0f}\n")


def write_tally():
    with open(tally + ".new", "w", encoding="ascii") as out:
        out.write(sum_up())
    os.replace(tally + ".new", tally)


def begin_anew(running):
    global broken, late
    results.clear()
    broken = late = 0
    running.set()


async def pause(tasks, running, ended):
    await asyncio.gather(*tasks)
    write_tally()
    waits = [asyncio.create_task(event.wait()) for event in (running, ended)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def main():
    global late
    tasks = set()
    ended, running = asyncio.Event(), asyncio.Event()
    running.set()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGUSR1, begin_anew, running)
    loop.add_signal_handler(signal.SIGUSR2, running.clear)
    count = 0
    while not ended.is_set():
        if not running.is_set():
            await pause(tasks, running, ended)
            continue
        task = asyncio.create_task(attempt())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        count += 1
        if count % 5 == 0:
            write_tally()
        slept = time.monotonic()
        await asyncio.sleep(0.01)
        late = max(late, (time.monotonic() - slept - 0.01) * 1000)
    await asyncio.gather(*tasks)
    write_tally()


asyncio.run(main())
