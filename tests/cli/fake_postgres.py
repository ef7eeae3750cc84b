"""tests/cli/fake_postgres.py - a PostgreSQL server that answers what a test tells it to.

It speaks as much of the protocol (version 3) as libpq needs to log in and to run a string of statements, and
remembers who came and what was asked. An answer is a list of Rows, Tag, SqlError, Notice, COPY and LOST.
"""
import contextlib
import socketserver
import struct
import threading

BOOL, INT8, INT4, TEXT, JSON, FLOAT8, NUMERIC = 16, 20, 23, 25, 114, 701, 1700
COPY, LOST = "COPY", "LOST"
PROTOCOL, SSL, GSS = 196608, 80877103, 80877104


class Rows:
    """Columns are (name, type), values texts, bytes or None."""

    def __init__(self, columns, *rows):
        self.columns, self.rows = columns, rows


class Tag(str):
    """What a statement without rows ends with: "UPDATE 3"."""


class SqlError:
    def __init__(self, state, message, **more):
        self.fields = {"S": "ERROR", "V": "ERROR", "C": state, "M": message, **more}


class Notice(SqlError):
    pass


def message(kind, *parts):
    body = b"".join(parts)
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def text(word):
    return (word if isinstance(word, bytes) else word.encode()) + b"\0"


def fields_of(error):
    return b"".join(key.encode() + text(value) for key, value in error.fields.items()) + b"\0"


def rows_as_bytes(rows):
    columns = [text(name) + struct.pack("!IhIhih", 0, 0, kind, -1, -1, 0) for name, kind in rows.columns]
    yield message("T", struct.pack("!h", len(columns)), *columns)
    for row in rows.rows:
        values = [struct.pack("!i", -1) if value is None else struct.pack("!i", len(text(value)) - 1) + text(value)[:-1]
                  for value in row]
        yield message("D", struct.pack("!h", len(values)), *values)
    yield message("C", text(f"SELECT {len(rows.rows)}"))


class Handler(socketserver.StreamRequestHandler):
    server: "Server"

    def handle(self):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, EOFError):
            if self.log_in():
                while self.answer_one():
                    pass

    def read(self, size):
        found = self.rfile.read(size)
        if len(found) < size:
            raise EOFError
        return found

    def read_message(self):
        kind = self.read(1).decode()
        return kind, self.read(struct.unpack("!I", self.read(4))[0] - 4)

    def send(self, *messages):
        self.wfile.write(b"".join(messages))

    def log_in(self):
        postgres = self.server.postgres
        while True:
            size, code = struct.unpack("!II", self.read(8))
            rest = self.read(size - 8)
            if code == PROTOCOL:
                break
            assert code in (SSL, GSS)
            self.send(b"N")
        words = rest.decode().split("\0")
        postgres.logins.append(dict(zip(words[::2], words[1::2])))
        if postgres.refusal is not None:
            self.send(message("E", fields_of(postgres.refusal)))
            return False
        if postgres.asks_password:
            self.send(message("R", struct.pack("!I", 3)))
            _kind, word = self.read_message()
            postgres.passwords.append(word[:-1].decode())
        settings = {"server_version": "15.4", "client_encoding": "UTF8", "standard_conforming_strings": "on"}
        self.send(message("R", struct.pack("!I", 0)),
                  *[message("S", text(key), text(value)) for key, value in settings.items()], self.ready())
        return True

    def ready(self):
        return message("Z", b"I")

    def answer_one(self):
        kind, body = self.read_message()
        if kind != "Q":
            return False
        sql = body[:-1].decode()
        postgres = self.server.postgres
        if sql.startswith("SET client_connection_check_interval"):
            parts = [Tag("SET")]
        elif sql == "SELECT pg_catalog.pg_is_in_recovery()":
            parts = [Rows([("pg_is_in_recovery", BOOL)], ["t" if postgres.in_recovery else "f"])]
        else:
            postgres.asked.append(sql)
            parts = postgres.answers.get(sql, [SqlError("42601", f"what is {sql}?")])
            parts = parts() if callable(parts) else parts
        for part in parts:
            if part is LOST:
                return False
            self.send_part(part)
        self.send(self.ready())
        return True

    def send_part(self, part):
        if part is COPY:
            self.send(message("H", struct.pack("!bh", 0, 0)))
        elif isinstance(part, Notice):
            self.send(message("N", fields_of(part)))
        elif isinstance(part, SqlError):
            self.send(message("E", fields_of(part)))
        elif isinstance(part, Tag):
            self.send(message("C", text(part)))
        else:
            self.send(*rows_as_bytes(part))


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    postgres: "Postgres"


class Postgres:
    """A fake server; use it with "with"."""

    def __init__(self, answers=None, in_recovery=False, asks_password=False, refusal=None):
        self.answers, self.in_recovery = answers or {}, in_recovery
        self.asks_password, self.refusal = asks_password, refusal
        self.logins, self.passwords, self.asked = [], [], []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.postgres = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_args):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
