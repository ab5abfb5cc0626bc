#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""A small shop with a login and a cart: one instance of it.

    shop.py -l 127.0.0.1:8081 -n app1 -s memory
    shop.py -l 127.0.0.1:8081 -n app1 -s redis://127.0.0.1:6379/0

Everybody may log in, by any name, with the password in $SHOP_PASSWORD
("demo"). Whoever sends "Accept: application/json" gets the cart as JSON. Each
answer says in X-Instance who gave it.

A request that is sent twice does what it would do once: the cart is told how
many of an item there shall be, not how many more; and an order bears the
number that its cart got when it was begun.
"""
import argparse
import hmac
import os
import secrets
import sys
import time

import flask
import waitress

import sessions

SESSION_LIFETIME = 3600  # seconds without a request
BANK_SECONDS = 0.2  # how long a payment takes
QUANTITY_MAX = 99

GOODS = {  # price in cents
    "tea": ("Darjeeling, 100 g", 790),
    "coffee": ("Espresso beans, 250 g", 850),
    "mug": ("Mug, 0.3 l", 1200),
    "kettle": ("Kettle, 1.5 l", 3900),
    "biscuits": ("Shortbread, 200 g", 450),
    "honey": ("Lime honey, 500 g", 980),
}

pages = flask.Blueprint("pages", __name__)


def total_of(cart):
    return sum(GOODS[item][1] * count for item, count in cart.items())


def wants_json():
    accepted = flask.request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


def charge(cents):
    """Stands for the bank, which takes its time."""
    time.sleep(BANK_SECONDS if cents else 0)


@pages.before_request
def only_who_is_logged_in():
    if "user" in flask.session or flask.request.endpoint in (
        "pages.login",
        "pages.healthz",
    ):
        return None
    return flask.redirect(flask.url_for("pages.login"), 303)


@pages.get("/healthz")
def healthz():
    """What lb4's check asks: this instance serves requests."""
    return "ok\n", {"Content-Type": "text/plain"}


@pages.route("/login", methods=["GET", "POST"])
def login():
    app = flask.current_app
    wrong = False
    if flask.request.method == "POST":
        user = flask.request.form.get("user", "").strip()[:40]
        password = flask.request.form.get("password", "")
        right = hmac.compare_digest(
            password.encode(), app.config["PASSWORD"].encode()
        )
        if user and right:
            app.session_interface.renew(flask.session)
            flask.session.update(
                user=user, cart={}, order=secrets.token_hex(8), orders=0
            )
            return flask.redirect(flask.url_for("pages.cart"), 303)
        wrong = True
    page = flask.render_template("login.html", wrong=wrong)
    return page, 403 if wrong else 200


@pages.post("/logout")
def logout():
    flask.session.clear()
    return flask.redirect(flask.url_for("pages.login"), 303)


@pages.get("/")
def home():
    return flask.redirect(flask.url_for("pages.cart"), 303)


@pages.get("/cart")
def cart():
    mine = flask.session
    if wants_json():
        return {key: mine[key] for key in ("user", "cart", "order", "orders")}
    return flask.render_template(
        "cart.html", goods=GOODS, mine=mine, total=total_of(mine["cart"])
    )


@pages.post("/cart")
def put_into_cart():
    item = flask.request.form.get("item", "")
    quantity = flask.request.form.get("quantity", -1, type=int)
    if item not in GOODS or not 0 <= quantity <= QUANTITY_MAX:
        return "no such item, or not that many of it\n", 400
    # A new cart: a change inside the old one would be none to Flask.
    changed = {**flask.session["cart"], item: quantity}
    flask.session["cart"] = {it: n for it, n in changed.items() if n > 0}
    return flask.redirect(flask.url_for("pages.cart"), 303)


@pages.post("/order")
def order():
    """Pays for the cart, once: whoever sends it again gets the same answer."""
    mine = flask.session
    number = flask.request.form.get("order", "")
    if number == mine["order"] and mine["cart"]:
        cents = total_of(mine["cart"])
        charge(cents)
        mine.update(
            cart={},
            order=secrets.token_hex(8),
            orders=mine["orders"] + 1,
            receipt={"order": number, "cents": cents},
        )
    return flask.redirect(flask.url_for("pages.cart"), 303)


def make_app(name, store, password):
    app = flask.Flask(__name__)
    app.config["PASSWORD"] = password
    app.session_interface = sessions.StoredSessions(store)
    app.register_blueprint(pages)
    app.jinja_env.filters["money"] = lambda cents: f"{cents / 100:.2f} €"
    app.jinja_env.globals["instance"] = name

    @app.after_request
    def say_who(response):
        response.headers["X-Instance"] = name
        response.headers["Cache-Control"] = "no-store"
        return response

    return app


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-l", dest="listen", required=True, metavar="IP:PORT")
    parser.add_argument("-n", dest="name", required=True, metavar="NAME")
    parser.add_argument(
        "-s",
        dest="sessions",
        default="memory",
        metavar="STORE",
        help="memory, or redis://HOST:PORT/NUMBER",
    )
    args = parser.parse_args()
    try:
        store = sessions.open_store(args.sessions, SESSION_LIFETIME)
    except ValueError as error:
        sys.exit(f"shop: {args.sessions}: {error}")
    password = os.environ.get("SHOP_PASSWORD", "demo")
    try:
        waitress.serve(
            make_app(args.name, store, password),
            listen=args.listen,
            threads=16,
            ident=None,
        )
    except (OSError, ValueError) as error:
        sys.exit(f"shop: {args.listen}: {error}")


if __name__ == "__main__":
    main()
