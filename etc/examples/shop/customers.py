#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""Customers of the shop, each with an address, a login and a cart of its own.

    customers.py -f FILE HOST:PORT open COUNT     they come and log in
    customers.py -f FILE HOST:PORT visit ROUNDS   they look and change the cart
    customers.py -f FILE HOST:PORT shop           so on, and order, until TERM

FILE keeps them from one run to the next. Customer N comes from 127.0.2.N (and
on), with a new TCP connection for each request, knows what must be in its
cart and how often it has paid, and looks whether the shop knows it too. If
not, it has lost the session, logs in again and fills the cart anew.

A request whose connection breaks is sent once more, but not at once: the
kernel resets the connections of a process that dies before it closes the
listening socket, so that for some milliseconds one can still be connected to
it, in vain.

Prints a table: the customers by the instance that had answered them last
before this run, and a row for all of them.
    customers   how many
    moved       of these, answered by another instance in this run
    by_each     of these, answered in this run by each one of the instances
    requests    that they made; one that was sent again counts once
    retried     of these, sent again
    failed      of these, failed the second time too, or not answered well
    lost        sessions that were lost
    NAME        how many of the answers this instance gave
Exits with 0 unless it could not do its work at all.
"""
import argparse
import concurrent.futures
import http.client
import ipaddress
import json
import os
import random
import signal
import sys
import threading
import time
import urllib.parse
from collections import Counter, defaultdict

AT_A_TIME = 10  # customers, in open and visit
PAUSE = 0.05  # seconds between the requests of one, in shop
TIMEOUT = 30
RETRY_AFTER = 0.5
FIRST_ADDRESS = ipaddress.ip_address("127.0.2.1")
ITEMS = ("tea", "coffee", "mug", "kettle", "biscuits", "honey")
COLUMNS = ("customers", "moved", "by_each", "requests", "retried", "failed",
           "lost")


class Failed(Exception):
    """A request was not answered, or not as it must be."""


class Customer:
    """One of them. What is kept in the file is in `kept`."""

    def __init__(self, shop, kept):
        self.shop = shop  # (host, port)
        self.kept = kept
        self.was_at = kept["instance"]
        self.counts = Counter(customers=1)
        self.answers = Counter()

    def send(self, method, path, form):
        """One request on a connection of its own: status, headers, body."""
        conn = http.client.HTTPConnection(
            *self.shop,
            timeout=TIMEOUT,
            source_address=(self.kept["address"], 0),
        )
        headers = {"Accept": "application/json", "Connection": "close"}
        if self.kept["cookie"]:
            headers["Cookie"] = f"session={self.kept['cookie']}"
        if form is not None:
            form = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            conn.request(method, path, form, headers)
            answer = conn.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            conn.close()

    def request(self, method, path, form=None):
        """Sends it, and if the connection breaks, once more a bit later."""
        self.counts["requests"] += 1
        broken = (OSError, http.client.HTTPException)
        try:
            status, headers, body = self.send(method, path, form)
        except broken:
            self.counts["retried"] += 1
            time.sleep(RETRY_AFTER)
            try:
                status, headers, body = self.send(method, path, form)
            except broken as error:
                raise Failed(f"{method} {path}: {error!r}") from error
        self.kept["instance"] = headers["X-Instance"]
        self.answers[headers["X-Instance"]] += 1
        if status not in (200, 303):
            raise Failed(f"{method} {path}: {status}")
        return status, headers, body

    def log_in(self):
        """Begins anew, with a cart of its own."""
        kept = self.kept
        kept["cookie"] = None
        status, headers, _ = self.request(
            "POST",
            "/login",
            {
                "user": kept["user"],
                "password": os.environ.get("SHOP_PASSWORD", "demo"),
            },
        )
        cookie = headers.get("Set-Cookie", "")
        if status != 303 or not cookie.startswith("session="):
            raise Failed("no login")
        kept["cookie"] = cookie.split(";")[0].removeprefix("session=")
        kept["cart"] = {}
        kept["orders"] = 0
        self.change_cart()

    def change_cart(self):
        item = random.choice(ITEMS)
        quantity = random.randint(1, 9)
        _, headers, _ = self.request(
            "POST", "/cart", {"item": item, "quantity": quantity}
        )
        if not headers["Location"].endswith("/login"):
            self.kept["cart"][item] = quantity

    def look(self):
        """The shop's own view: the session, or None if it knows none."""
        status, _, body = self.request("GET", "/cart")
        return json.loads(body) if status == 200 else None

    def look_at_cart(self):
        """Looks whether all is there; None, and begun anew, if it is not."""
        kept = self.kept
        found = self.look()
        if found and all(
            found[key] == kept[key] for key in ("user", "cart", "orders")
        ):
            return found
        self.counts["lost"] += 1
        self.log_in()
        return None

    def visit(self):
        if self.look_at_cart():
            self.change_cart()

    def order(self):
        found = self.look_at_cart()
        if found and found["cart"]:
            self.pay(found["order"])

    def pay(self, number):
        _, headers, _ = self.request("POST", "/order", {"order": number})
        if not headers["Location"].endswith("/login"):
            self.kept["cart"] = {}
            self.kept["orders"] += 1

    def do(self, *deeds):
        """One after the other; what fails is counted, and said."""
        for deed in deeds:
            try:
                deed()
            except Failed as failure:
                self.counts["failed"] += 1
                print(f"{self.kept['address']}: {failure}", file=sys.stderr)


def new_customers(shop, count):
    return [
        Customer(
            shop,
            {
                "user": f"customer{number + 1}",
                "address": str(FIRST_ADDRESS + number),
                "cookie": None,
                "cart": {},
                "orders": 0,
                "instance": "-",
            },
        )
        for number in range(count)
    ]


def some_at_a_time(customers, deed):
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(deed, customers))


def shop_until_told(customers):
    """All at the same time, one thread each, until SIGTERM or SIGINT."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())

    def shop(customer):
        while not told.wait(PAUSE):
            customer.do(random.choice((customer.visit, customer.visit,
                                       customer.order)))

    threads = [threading.Thread(target=shop, args=(c,)) for c in customers]
    for thread in threads:
        thread.start()
    told.wait()
    for thread in threads:
        thread.join()


def count(customers):
    """The sums of what they counted, and of the answers they got."""
    return sum((c.counts + c.answers for c in customers), start=Counter())


def print_table(customers):
    instances = sorted({name for c in customers for name in c.answers})
    groups = defaultdict(list)
    for customer in customers:
        seen = set(customer.answers)
        customer.counts["moved"] = int(not seen <= {customer.was_at})
        customer.counts["by_each"] = int(seen == set(instances))
        groups[customer.was_at].append(customer)
    rows = [("was_at", *COLUMNS, *instances)]
    for name, group in (*sorted(groups.items()), ("all", customers)):
        sums = count(group)
        rows.append((name, *(str(sums[what]) for what in rows[0][1:])))
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = zip(row[1:], widths[1:])
        print(row[0].ljust(widths[0]),
              *(cell.rjust(width) for cell, width in cells))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-f", dest="file", required=True, metavar="FILE")
    parser.add_argument("shop", metavar="HOST:PORT")
    parser.add_argument("what", choices=("open", "visit", "shop"))
    parser.add_argument("number", nargs="?", type=int, default=1)
    args = parser.parse_args()
    host, _, port = args.shop.rpartition(":")
    if not host or not port.isdecimal():
        parser.error(f"{args.shop} is not HOST:PORT")
    shop = (host, int(port))

    if args.what == "open":
        customers = new_customers(shop, args.number)
        some_at_a_time(customers, lambda c: c.do(c.log_in))
    else:
        with open(args.file, encoding="utf-8") as file:
            customers = [Customer(shop, kept) for kept in json.load(file)]
    if args.what == "visit":
        for _ in range(args.number):
            some_at_a_time(customers, lambda c: c.do(c.visit))
    elif args.what == "shop":
        shop_until_told(customers)

    with open(args.file, "w", encoding="utf-8") as file:
        json.dump([c.kept for c in customers], file)
    print_table(customers)


if __name__ == "__main__":
    main()
