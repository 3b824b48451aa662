"""A wire to a server that can be cut."""

import socket
import threading


class Wire:
    """Passes bytes on from a port of its own. `cut` breaks every connection and takes no new ones until `mend`."""

    def __init__(self, port):
        self.target = port
        self.is_cut = False
        self.open = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.is_cut:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self.target))
            with self.lock:
                self.open |= {client, server}
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        self._close(one, other)

    def _close(self, *ends):
        with self.lock:
            self.open -= set(ends)
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def cut(self):
        self.is_cut = True
        with self.lock:
            ends = list(self.open)
        self._close(*ends)

    def mend(self):
        self.is_cut = False

    def close(self):
        self.listener.close()
        self.cut()
