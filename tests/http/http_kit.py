"""tests/http/http_kit.py - nodes with their HTTP sides, and short ways to ask them."""
import base64
import contextlib
import http.client
import json
import os
import select
import socket
import subprocess
import threading
import time
from pathlib import Path

BUILD = Path(os.environ["PGRAFT_BUILD_ROOT"])
PROGRAM = BUILD / "tests" / "http" / "http_hosts"
SECONDS_MAX = 60  # reached only when something hangs


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the control socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=SECONDS_MAX)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS_MAX)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        assert self.headers["Content-Type"] == "application/json"
        assert self.body.endswith(b"\n")
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]

    @property
    def message(self):
        return self.json["error"]["message"]


class Node:
    """One node; asks go over the control socket unless @tcp."""

    def __init__(self, name, path, port, host="127.0.0.1"):
        self.name, self.path, self.port, self.host = name, path, int(port), host
        self.watches = []

    def connection(self, tcp=False):
        if tcp:
            return http.client.HTTPConnection(self.host, self.port, timeout=SECONDS_MAX)
        return UnixConnection(self.path)

    def raw(self, tcp=True):
        """A plain socket, connected."""
        if tcp:
            return socket.create_connection((self.host, self.port), timeout=SECONDS_MAX)
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.settimeout(SECONDS_MAX)
        plain.connect(self.path)
        return plain

    def ask(self, method, path, body=None, headers=None, tcp=False):
        connection = self.connection(tcp)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response, response.read())

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def post(self, path, body=None, **options):
        text = body if isinstance(body, (str, bytes)) else json.dumps(body or {})
        return self.ask("POST", "/pgraft/v1/" + path, text, **options)

    def done(self, path, body=None, **options):
        """What a POST answers, which must be good."""
        answer = self.post(path, body, **options)
        assert answer.status == 200, answer.body
        return answer.json

    def refused(self, path, body=None, **options):
        """(status, code, message) of a POST, which must not be good."""
        answer = self.post(path, body, **options)
        assert answer.status != 200, answer.body
        return answer.status, answer.code, answer.message

    def watch(self, body):
        self.watches.append(Watch(self, body))
        return self.watches[-1]


class Watch:
    """A stream of lines."""

    def __init__(self, node, body):
        self.connection = node.connection()
        self.connection.request("POST", "/pgraft/v1/kv/watch", json.dumps(body))
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"] == "application/x-ndjson"

    def line(self):
        """The next line, (name, content); None at the end."""
        text = self.response.readline()
        if not text:
            return None
        (name, content), = json.loads(text).items()
        return name, content

    def skip(self, *names):
        """The next line that is none of @names."""
        while True:
            line = self.line()
            if line is None or line[0] not in names:
                return line

    def close(self):
        self.response.close()
        self.connection.close()


class Nodes:
    """A process with @count nodes."""

    def __init__(self, count, *options, host="127.0.0.1", env=None):
        words = [str(PROGRAM), str(count), "--listen", host, *options]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=os.environ | (env or {}),
                                        bufsize=0)  # so that select() sees every line
        self.host = host
        self.nodes = {}
        self.other = self._until("ready")

    def __getitem__(self, number):
        return self.nodes[f"n{number}"]

    @property
    def pid(self):
        return self.process.pid

    def _line(self):
        ready = select.select([self.process.stdout], [], [], SECONDS_MAX)[0]
        assert ready, "http_hosts says nothing"
        line = self.process.stdout.readline()
        assert line, "http_hosts has ended"
        return line.decode().rstrip("\n")

    def _until(self, last):
        other = []
        while (line := self._line()) != last:
            words = line.split()
            if len(words) == 3 and words[1].endswith(".sock"):
                self.nodes[words[0]] = Node(*words, host=self.host)
            else:
                other.append(line)
        return other

    def tell(self, *words):
        self.process.stdin.write((" ".join(str(w) for w in words) + "\n").encode())
        self.process.stdin.flush()
        return self._until("done")

    def begun(self, number):
        """What the supervisor of one with a view was asked to begin since this was asked for last."""
        return [line for line in self.tell("tasks", number) if line.startswith("begun")][0].split()[1:]

    def hang_up(self):
        """Close the watches of a test, also of one that has failed: its frame would keep them."""
        for node in self.nodes.values():
            while node.watches:
                node.watches.pop().close()

    def close(self):
        self.hang_up()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            assert self.process.wait(SECONDS_MAX) == 0
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process.stdout.close()


def base64_of(some):
    return base64.b64encode(some).decode()


def until(is_so, seconds=SECONDS_MAX):
    """Wait until @is_so() is true, and return what it said."""
    end = time.monotonic() + seconds
    while not (told := is_so()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)
    return told


def metric(node, name):
    text = node.get("/metrics").body.decode()
    return int(next(line for line in text.splitlines() if line.startswith(name + "{")).split()[1])


def said(answer):
    """The code and the words of an answer that is no JSON, as Patroni's commands have it."""
    assert answer.headers["Content-Type"] == "text/html"
    return answer.status, answer.body.decode()


def post(node, path, body=None, **headers):
    """... of POST @path; a @body that is no text is sent as JSON."""
    return said(node.ask("POST", path, body if body is None or isinstance(body, str) else json.dumps(body), headers, tcp=True))


class Asked(threading.Thread):
    """A command that waits for its end."""

    def __init__(self, node, path, body=None):
        super().__init__()
        self.node, self.path, self.body, self.answer = node, path, body, None
        self.start()

    def run(self):
        self.answer = post(self.node, self.path, self.body)

    def told(self):
        self.join(2 * SECONDS_MAX)
        return self.answer


def nodes_with_views():
    """A primary, a standby and a witness, as far as anybody is told."""
    nodes = Nodes(3, "--views", "yes")
    for i, role in enumerate(("pg1", "pg2", "w1"), start=1):
        nodes.tell("view", i, role)
    return nodes
