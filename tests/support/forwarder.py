"""Lets containers reach a test server on loopback, through a port on their network's gateway.

As a command in a container: `python3 forwarder.py PORT ADDRESS PORT` listens on the first port, on all addresses.
"""

import contextlib
import socket
import sys
import threading
import time
from types import TracebackType
from typing import Self

PIECE_BYTES = 65_536


class Forwarder:
    """Listens on an address of this machine and forwards everything to a port, by default on loopback.

    Each piece of data is delayed by `delay_seconds`, so that a test has time to interfere.
    """

    delay_seconds = 0.0

    def __init__(self, address: str, target: int, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._target = host, target
        self._listener = socket.create_server((address, port), backlog=64)
        self.address = address
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            _end(each)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(caller,), daemon=True).start()

    def _join(self, caller: socket.socket) -> None:
        with contextlib.suppress(OSError), caller, socket.create_connection(self._target) as server:
            self._open |= {caller, server}
            back = threading.Thread(target=self._pass_on, args=(server, caller), daemon=True)
            back.start()
            self._pass_on(caller, server)
            back.join()
            self._open -= {caller, server}

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                time.sleep(self.delay_seconds)
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    with Forwarder("0.0.0.0", int(sys.argv[3]), host=sys.argv[2], port=int(sys.argv[1])):
        threading.Event().wait()
