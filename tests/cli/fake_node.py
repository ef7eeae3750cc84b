"""tests/cli/fake_node.py - a node that answers what a test tells it to, over TCP, TLS or a socket.

It keeps to docs/http.md where it answers by itself, and remembers every request. An answer of a test is
an object (status 200), an Error, raw bytes in place of HTTP, or a generator of lines for a stream.
"""
import base64
import contextlib
import json
import os
import re
import socketserver
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CTL = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "ctl" / "pgraftctl"
SECONDS_MAX = 60

STATUS = {"ERR_INVALID": 400, "ERR_DENIED": 403, "ERR_NOT_FOUND": 404, "ERR_REFUSED": 409, "ERR_COMPACTED": 410,
          "ERR_BUSY": 429, "ERR_NO_QUORUM": 503, "ERR_NOT_LEADER": 503, "ERR_LOST_LEADER": 503, "ERR_CLOSED": 503,
          "ERR_TIMEOUT": 504, "ERR_QUOTA": 507}


class Error:
    """An answer that is an error."""

    def __init__(self, code, message, status=None, **more):
        self.status = status or STATUS.get(code, 500)
        self.body = {"error": {"code": code, "message": message, "retry": False, "may_have_applied": False, **more}}


class Raw:
    """Bytes in place of an answer; then the connection ends."""

    def __init__(self, text=b""):
        self.text = text


class Tagged:
    """An object with an ETag."""

    def __init__(self, body, tag):
        self.body, self.tag = body, tag


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, *_args):
        pass

    def address_string(self):
        return "peer"

    def do_GET(self):
        self.answer_with(None)

    def do_DELETE(self):
        self.answer_with(None)

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.answer_with(json.loads(self.rfile.read(size)))

    do_PUT = do_POST

    def answer_with(self, body):
        node = self.server.node
        path = self.path.partition("?")[0]
        node.seen.append((self.command, self.path, body, dict(self.headers)))
        answer = node.answers.get(path, Error("ERR_NOT_FOUND", f"no such path: {path}"))
        if callable(answer):
            answer = answer(body)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send(answer)

    def send(self, answer):
        if isinstance(answer, Raw):
            self.wfile.write(answer.text)
            self.close_connection = True
        elif isinstance(answer, Error):
            self.send_object(answer.status, json.dumps(answer.body).encode() + b"\n")
        elif isinstance(answer, Tagged):
            self.send_object(200, json.dumps(answer.body).encode() + b"\n", ETag=answer.tag)
        elif isinstance(answer, (dict, list)):
            self.send_object(200, json.dumps(answer).encode() + b"\n")
        elif isinstance(answer, tuple):
            self.send_object(*answer)
        else:
            self.send_stream(answer)

    def send_object(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="Patroni"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_stream(self, pieces):
        """Chunks; None in their place breaks the connection."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            if piece is None:
                self.close_connection = True
                return
            if isinstance(piece, dict):
                piece = json.dumps(piece).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    node: "Node"

    def handle_error(self, *_args):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    node: "Node"


class Node:
    """A fake node; use it with "with"."""

    def __init__(self, answers=None, host="127.0.0.1", port=0, path=None, tls=None):
        self.answers = {"/pgraft/v1/since": {"since": 12044}, **(answers or {})}
        self.seen = []
        if path is not None:
            self.server = UnixServer(str(path), Handler)
            self.endpoint = str(path)
        else:
            self.server = Server((host, port), Handler)
            if tls is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(tls["cert"], tls["key"])
                if "ca" in tls:
                    context.load_verify_locations(tls["ca"])
                    context.verify_mode = ssl.CERT_REQUIRED
                self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https" if tls else "http"
            self.endpoint = f"{scheme}://{host}:{self.server.server_address[1]}"
        self.server.node = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_args):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def asked(self, path):
        """The bodies that came for @path, without what differs by time and chance."""
        found = []
        for _method, seen, body, _headers in self.seen:
            if seen == path:
                body = dict(body)
                body.pop("timeout_ms", None)
                body.pop("request", None)
                found.append(body)
        return found


def environment(**more):
    """None of the caller's settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PGRAFT")}
    return {**kept, "PGRAFTCTL_RUN_DIR": "/nonexistent", "PGRAFTCTL_CONFIG": "/nonexistent", **more}


def without_progress(err):
    """What is on stderr but for the lines that say what takes its time: on a busy machine anything does."""
    return re.sub(r"^[^\n]* is under way\n", "", err, flags=re.MULTILINE)


def ctl(*words, node=None, data=None, env=None, progress=False):
    """Run pgraftctl; status, stdout, stderr: with @progress all of it."""
    where = ["--endpoint", node.endpoint] if node is not None else []
    done = subprocess.run([CTL, *map(str, words), *where], input=data if data is not None else b"",
                          capture_output=True, timeout=SECONDS_MAX, check=False, env=environment(**(env or {})))
    err = done.stderr.decode()
    return done.returncode, done.stdout.decode(), err if progress else without_progress(err)


def told(*words, **options):
    status, out, err = ctl(*words, **options)
    assert (status, err) == (0, "")
    return out


def fails(status, *words, **options):
    """The one line on stderr."""
    got, out, err = ctl(*words, **options)
    assert (got, out) == (status, ""), (got, out, err)
    assert err.count("\n") == 1
    return err.removeprefix("pgraftctl: ").rstrip("\n")


def b64(text):
    return base64.b64encode(text).decode()
