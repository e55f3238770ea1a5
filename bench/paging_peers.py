"""A plain queue table in SQLite or PostgreSQL, to which the pages of resile are compared: an upper bound.

One row is one page. It is claimed in batches, and noted as sent in a commit of its own that reached the disk, as resile
notes each page. No escalation, no timeline, no version is looked at, and nothing is worked out.
"""

import http.client
import json
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg

N_AT_ONCE = 48
_TEXT = "Checkout is slow for some: p95 of 2.4 s since 09:30. " * 6
_TABLE = "CREATE TABLE queue (id INTEGER PRIMARY KEY, due_at INTEGER, claimed_at INTEGER, sent_at INTEGER, body TEXT)"
_INDEX = "CREATE INDEX queue_by_due ON queue (due_at) WHERE claimed_at IS NULL"


def sqlite_queue(path: Path, n_pages: int) -> float:
    """Seconds until all are sent, by one thread."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(_TABLE)
    connection.execute(_INDEX)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO queue (id, due_at, body) VALUES (?, 0, ?)", [(n, _TEXT) for n in range(n_pages)]
    )
    connection.execute("COMMIT")
    claim = (
        "UPDATE queue SET claimed_at = 1 WHERE id IN "
        "(SELECT id FROM queue WHERE claimed_at IS NULL AND due_at <= 1 ORDER BY due_at, id LIMIT ?) RETURNING id, body"
    )
    began = time.perf_counter()
    while claimed := connection.execute(claim, (N_AT_ONCE,)).fetchall():
        for name, _ in claimed:
            connection.execute("UPDATE queue SET sent_at = 1 WHERE id = ?", (name,))
    took_s = time.perf_counter() - began
    connection.close()
    return took_s


def postgresql_queue(url: str, n_pages: int, *, n_senders: int) -> float:
    """Seconds until all are sent, by several connections that pass over each other's rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_TABLE)
        connection.execute(_INDEX)
        connection.execute(
            "INSERT INTO queue (id, due_at, body) SELECT n, 0, %s FROM generate_series(1, %s) AS n", (_TEXT, n_pages)
        )
    senders = [threading.Thread(target=_send, args=(url,)) for _ in range(n_senders)]
    began = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return time.perf_counter() - began


def _send(url: str) -> None:
    claim = (
        "UPDATE queue SET claimed_at = 1 WHERE id IN (SELECT id FROM queue WHERE claimed_at IS NULL AND due_at <= 1 "
        "ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING id, body"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        while claimed := connection.execute(claim, (N_AT_ONCE,)).fetchall():
            for name, _ in claimed:
                connection.execute("UPDATE queue SET sent_at = 1 WHERE id = %s", (name,))


class _Pipe(BaseHTTPRequestHandler):
    """Writes a body to SQLite, durably, and hands it on: no grouping, no policy, nobody is asked again."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    connection_: sqlite3.Connection
    guard = threading.Lock()
    sink: tuple[str, int]

    def do_POST(self) -> None:
        """Take one."""
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.guard:
            insert = "INSERT INTO queue (due_at, body) VALUES (0, ?)"
            name = self.connection_.execute(insert, (body.decode(),)).lastrowid
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
        self.wfile.flush()
        onward = http.client.HTTPConnection(*self.sink)
        title = json.loads(body)[0]["annotations"]["summary"]
        onward.request("POST", "/", json.dumps({"title": title}), {"content-type": "application/json"})
        onward.getresponse().read()
        onward.close()
        with self.guard:
            self.connection_.execute("UPDATE queue SET sent_at = 1 WHERE id = ?", (name,))

    def log_message(self, *_: object) -> None:
        """Nothing."""


def serve() -> None:
    """Serve as a peer on a database and a sink, the arguments of the program; prints the port."""
    connection = sqlite3.connect(sys.argv[1], isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(_TABLE)
    _Pipe.connection_ = connection
    host, _, port = sys.argv[2].rpartition("/")[2].partition(":")
    _Pipe.sink = host, int(port)
    ThreadingHTTPServer.request_queue_size = 512
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pipe)
    print(server.server_address[1], flush=True)
    server.serve_forever()
