"""One connection to an IMAP server: TLS, login, and the words for what goes wrong. Mail never gets into its texts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fetcher.ports import Trouble
from fetcher.source import Source


class HostUnreachable(Trouble):
    """Nothing answers there: the name, the port or the network is wrong."""


class NotImap(Trouble):
    """Something answers, but it does not speak IMAP as the source says."""


class CertificateRefused(Trouble):
    """The server cannot prove who it is."""


class PlainRefused(Trouble):
    """The connection would not be encrypted, and the server is not this machine."""


class LoginRefused(Trouble):
    """The server does not accept the login with this password or token."""


class ConnectionLost(Trouble):
    """The connection broke and could not be had again."""


class FolderMissing(Trouble):
    """A folder is not there."""


class FolderRefused(Trouble):
    """The server answers NO or BAD to opening or reading a folder."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves the login: exactly one of a password and a token provider, which is asked again at each login."""

    password: str | None = None
    token: Callable[[], str] | None = None

    def __repr__(self) -> str:
        return f"Credentials({'password' if self.token is None else 'token'}=…)"


@dataclass(frozen=True, slots=True)
class Connector:
    """How to connect; calling it opens a new logged-in `Mailbox`.

    `ca_file` adds certificates to trust; TLS is verified always. `plain` allows an unencrypted connection to a host
    that is not loopback.
    """

    source: Source
    credentials: Credentials
    ca_file: Path | None = None
    plain: bool = False
    connect_timeout_seconds: float = 30.0
    read_timeout_seconds: float = 120.0
