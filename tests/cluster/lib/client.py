"""tests/cluster/lib/client.py - asks one node over its control socket, as docs/http.md has it.

The socket is a file: whoever is cut off from the network, and whoever has no quorum, can be asked too."""
import base64
import contextlib
import http.client
import json
import socket
import time

PATIENCE_S = 10  # beyond the node's own time limit
KEPT_S = 5  # a connection that was not used for so long is made anew: a node ends those


class Refused(Exception):
    """The node answered with an error."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.error = error
        self.code = error["code"]
        self.message = error["message"]
        self.retry = error["retry"]
        self.may_have_applied = error["may_have_applied"]


class Silent(Exception):
    """No answer: @sent tells whether the request may have reached the node."""

    def __init__(self, why, sent):
        super().__init__(str(why) or type(why).__name__)
        self.sent = sent


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("node", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _json_of(text):
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise Silent(f"an answer that is no JSON: {text[:200]!r}", sent=True) from error
    if "error" in answer:
        raise Refused(answer["error"])
    return answer


class Client:
    """One connection to one node, made when it is needed."""

    def __init__(self, path, patience_s=PATIENCE_S):
        self.path = path
        self.patience_s = patience_s
        self.connection = None
        self.used = 0.0

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def _ask(self, method, path, body, seconds):
        if time.monotonic() - self.used > KEPT_S:
            self.close()
        self.used = time.monotonic()
        if self.connection is None:
            self.connection = _Connection(self.path, seconds)
            try:
                self.connection.connect()
            except OSError as error:
                self.close()
                raise Silent(error, sent=False) from error
        self.connection.sock.settimeout(seconds)
        try:
            self.connection.request(method, path, body)
            response = self.connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Silent(error, sent=True) from error
        if response.will_close:
            self.close()
        return text

    def text(self, path):
        return self._ask("GET", path, None, self.patience_s).decode()

    def get(self, path):
        return _json_of(self._ask("GET", path, None, self.patience_s))

    def post(self, path, timeout_ms=5000, **members):
        body = json.dumps(members | {"timeout_ms": timeout_ms})
        return _json_of(self._ask("POST", "/pgraft/v1/" + path, body, timeout_ms / 1000 + self.patience_s))

    # --- What tests ask most ---

    def said(self, path, method="GET", body=None, seconds=60):
        """The status and the words of an answer, whatever they are; on a connection of its own."""
        with contextlib.closing(_Connection(self.path, seconds)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def code(self, path):
        """The status of GET @path."""
        return self.said(path)[0]

    def raft(self):
        return self.get("/raft")

    def put(self, key, value, **members):
        return self.post("kv/put", key=key, value=value, **members)

    def value(self, key, **members):
        pair = self.post("kv/get", key=key, **members)["pair"]
        return None if pair is None else text_of(pair, "value")


def text_of(record, name):
    """The member @name of @record, which may stand there in base64."""
    if name in record:
        return record[name]
    return base64.b64decode(record[name + "_base64"]).decode("latin-1")


class Watch:
    """A stream of lines of kv/watch; iterate over what they hold."""

    def __init__(self, path, seconds, **members):
        self.connection = _Connection(path, seconds)
        try:
            self.connection.request("POST", "/pgraft/v1/kv/watch", json.dumps(members))
            self.response = self.connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise Silent(error, sent=True) from error
        if self.response.status != 200:
            text = self.response.read()
            self.connection.close()
            _json_of(text)

    def __iter__(self):
        try:
            while line := self.response.readline():
                yield json.loads(line)
        except (OSError, ValueError, http.client.HTTPException):
            return

    def close(self):
        if self.connection.sock is not None:
            self.connection.sock.close()
        self.response.close()
        self.connection.close()
