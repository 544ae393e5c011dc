"""The yardstick for the end-to-end speed: read the same mailbox over two connections and discard the bytes."""

import socket
import threading
import time

from bench.mailbox import FOLDER, LOGIN, PASSWORD

CONNECTIONS = 2
BATCH_MESSAGES = 200
READ_BYTES = 1 << 18


class Connection:
    """A minimal IMAP client: it sends a command and reads until the tagged response."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.recv(READ_BYTES)
        self.ask(f'LOGIN "{LOGIN}" "{PASSWORD}"')
        self.ask(f'EXAMINE "{FOLDER}"')

    def ask(self, command: str) -> int:
        """Send one command and return the size of the response in bytes."""
        self._socket.sendall(f"x {command}\r\n".encode())
        total, tail = 0, b""
        while True:
            data = self._socket.recv(READ_BYTES)
            if not data:
                raise ConnectionError("the server hung up")
            total += len(data)
            tail = (tail + data)[-512:]
            if tail.endswith(b"\r\n") and b"\r\nx " in b"\r\n" + tail:
                line = (b"\r\n" + tail).rpartition(b"\r\nx ")[2]
                if not line.startswith(b"OK"):
                    raise ConnectionError("the server refused a command")
                return total


def drain(port: int, count: int) -> float:
    """Read all messages in the scope `text` and return messages per second."""
    connections = [Connection(port) for _ in range(CONNECTIONS)]
    starts = [range(1 + BATCH_MESSAGES * at, count + 1, BATCH_MESSAGES * CONNECTIONS) for at in range(CONNECTIONS)]

    def read(connection: Connection, mine: range) -> None:
        for first in mine:
            last = min(first + BATCH_MESSAGES - 1, count)
            connection.ask(f"UID FETCH {first}:{last} (UID RFC822.SIZE INTERNALDATE BODY.PEEK[]<0.65536>)")

    threads = [threading.Thread(target=read, args=pair) for pair in zip(connections, starts, strict=True)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.perf_counter() - began)
