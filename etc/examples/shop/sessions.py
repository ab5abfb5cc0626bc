# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
"""Flask sessions that live on the server, in one of two stores.

The browser has a random id in a cookie; what belongs to it is a JSON text in
the store. MemoryStore is this process's memory: fast, simple, and gone when
the process is. RedisStore is a Redis that all instances share.

A store has get(id), put(id, text) and delete(id), and forgets a session that
nobody has asked for during its lifetime. A session is written when it has
changed only; of two requests that change the same one at the same time, the
later one wins.
"""
import json
import secrets
import threading
import time

from flask.sessions import SessionInterface, SessionMixin


class MemoryStore:
    """Sessions in the memory of this process, for all its threads."""

    def __init__(self, lifetime):
        self.lifetime = lifetime
        self.lock = threading.Lock()
        self.entries = {}  # id: (when it ends, text), the next to end first

    def get(self, key):
        with self.lock:
            self._expire()
            entry = self.entries.pop(key, None)
            if entry is None:
                return None
            self._insert(key, entry[1])
            return entry[1]

    def put(self, key, text):
        with self.lock:
            self._expire()
            self.entries.pop(key, None)
            self._insert(key, text)

    def delete(self, key):
        with self.lock:
            self.entries.pop(key, None)

    def _insert(self, key, text):
        self.entries[key] = (time.monotonic() + self.lifetime, text)

    def _expire(self):
        now = time.monotonic()
        while self.entries:
            key = next(iter(self.entries))
            if self.entries[key][0] > now:
                break
            del self.entries[key]


class RedisStore:
    """Sessions in a Redis, which forgets them by itself."""

    def __init__(self, url, lifetime):
        # Here, so that an instance with a MemoryStore needs no redis module.
        import redis

        self.lifetime = lifetime
        self.redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=2,
            socket_connect_timeout=2,
        )

    def get(self, key):
        return self.redis.getex(self._name(key), ex=self.lifetime)

    def put(self, key, text):
        self.redis.set(self._name(key), text, ex=self.lifetime)

    def delete(self, key):
        self.redis.delete(self._name(key))

    @staticmethod
    def _name(key):
        return f"session:{key}"


def open_store(where, lifetime):
    """The store that `where` names: "memory", or the URL of a Redis."""
    if where == "memory":
        return MemoryStore(lifetime)
    return RedisStore(where, lifetime)


class Session(dict, SessionMixin):
    """What belongs to one visitor; its id, and its text as in the store."""

    def __init__(self, key=None, text=None):
        super().__init__(json.loads(text) if text else {})
        self.key = key
        self.text = text


class StoredSessions(SessionInterface):
    """What Flask calls at the begin and at the end of each request."""

    def __init__(self, store):
        self.store = store

    def open_session(self, app, request):
        key = request.cookies.get(self.get_cookie_name(app))
        text = self.store.get(key) if key else None
        # An id that the store does not know is not taken over.
        return Session(key, text) if text else Session()

    def save_session(self, app, session, response):
        name = self.get_cookie_name(app)
        response.vary.add("Cookie")
        if not session:
            if session.key:
                self.store.delete(session.key)
                response.delete_cookie(name)
            return
        text = json.dumps(session)
        if text == session.text:
            return
        if session.key is None:
            session.key = secrets.token_urlsafe(32)
            response.set_cookie(
                name, session.key, httponly=True, samesite="Lax"
            )
        self.store.put(session.key, text)

    def renew(self, session):
        """Empties it and gives it a new id, as at a login."""
        if session.key:
            self.store.delete(session.key)
        session.clear()
        session.key = session.text = None
