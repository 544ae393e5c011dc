"""A server on loopback for one connection, whose part is a function of the test: it breaks off, or speaks TLS oddly."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

Part = Callable[["Wire"], None]


@dataclass
class Wire:
    """The server's end of a connection; `ended` is set once the test is over."""

    socket: socket.socket
    ended: threading.Event

    def say(self, text: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(text)

    def hear(self) -> bytes:
        """Return the next line without its end; raise EOFError at the end."""
        line = b""
        while not line.endswith(b"\r\n"):
            if not (letter := self.socket.recv(1)):
                raise EOFError
            line += letter
        return line[:-2]

    def answer(self, *untagged: bytes, text: bytes = b"OK done") -> bytes:
        """Hear a command, answer it, and return what followed its tag."""
        tag, _, command = self.hear().partition(b" ")
        self.say(b"".join(line + b"\r\n" for line in untagged) + tag + b" " + text + b"\r\n")
        return command

    def greet(self, capabilities: bytes = b"") -> None:
        """Greet, and answer the CAPABILITY that follows."""
        self.say(b"* OK ready\r\n")
        self.answer(b"* CAPABILITY IMAP4rev1 " + capabilities)

    def reset(self) -> None:
        """Break the connection with a reset instead of an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()


@contextmanager
def listening(part: Part) -> Iterator[int]:
    """Yield the port of a server that plays this part in each connection, one after another, and then hangs up."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while not ended.is_set():
                with suppress(OSError, EOFError):
                    client, _ = server.accept()
                    with client:
                        wire = Wire(client, ended)
                        part(wire)
                        wire.socket.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        ended.set()
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
