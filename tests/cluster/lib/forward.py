"""tests/cluster/lib/forward.py - an address in front of a node that passes on what it gets, and counts it."""
import socket
import threading

PIECE = 65536


class Forward:
    """Listens on a port of its own at @host; every connection goes on to @target, as through a NAT."""

    def __init__(self, host, target):
        self.target = target
        self.pieces = 0  # that were passed on, in both directions
        self.connections = 0
        self.sockets = []
        self.listener = socket.create_server((host, 0))
        self.address = f"{host}:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return  # closed
            try:
                far = socket.create_connection(self.target)
            except OSError:
                near.close()  # nobody is there: so says this
                continue
            self.connections += 1
            self.sockets += [near, far]
            for pair in ((near, far), (far, near)):
                pair[0].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source, sink):
        try:
            while piece := source.recv(PIECE):
                sink.sendall(piece)
                self.pieces += 1
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.sockets:
            end.close()
