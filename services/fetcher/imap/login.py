"""The commands that log in and out and introduce this program. They raise imaplib's errors."""

import imaplib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import LoginError

GOODBYE_SECONDS = 1.0
RECEIVED_BYTES = 64 * 1024


def accepts_password(client: IMAPClient) -> bool:
    """Return whether the server takes a password on this connection; LOGINDISABLED concerns LOGIN alone."""
    offered = client._imap.capabilities
    return "LOGINDISABLED" not in offered or "AUTH=PLAIN" in offered


@contextmanager
def _unwrapped() -> Iterator[None]:
    """Undo that imapclient makes a refused login of a broken connection."""
    try:
        yield
    except LoginError as error:
        cause = error.__context__
        if isinstance(cause, imaplib.IMAP4.abort):
            raise cause from None
        raise


@_unwrapped()
def send_password(client: IMAPClient, login: str, password: str) -> None:
    """Log in with a password, with whatever characters these have that IMAP can transport.

    LOGIN takes both as quoted strings. Beyond ASCII, PLAIN is defined to be UTF-8 (RFC 4616 section 2). If it is not
    offered, both are sent as literals.
    """
    imap: Any = client._imap
    is_ascii = (login + password).isascii()
    if "LOGINDISABLED" in imap.capabilities or (not is_ascii and "AUTH=PLAIN" in imap.capabilities):
        client.plain_login(login, password)
    elif is_ascii:
        client.login(imap._quote(login), password)
    else:
        imap.literal = _Literals(login.encode(), password.encode()).send
        answer, said = imap._simple_command("LOGIN", f"{{{len(login.encode())}}}")
        if answer != "OK":
            raise imap.error(said[-1])
        imap.state = "AUTH"


@_unwrapped()
def send_token(client: IMAPClient, login: str, token: str) -> bool:
    """Log in with an OAuth token; return False if the server takes none."""
    if "AUTH=OAUTHBEARER" in client._imap.capabilities:
        client.oauthbearer_login(login, token)
    elif "AUTH=XOAUTH2" in client._imap.capabilities:
        client.oauth2_login(login, token)
    else:
        return False
    return True


def introduce(client: IMAPClient) -> None:
    """Send ID (RFC 2971) if it is offered; a refusal does not matter.

    NetEase (163.com, 126.com) refuses EXAMINE without it: "Unsafe Login" (reports to himalaya and OfflineIMAP on
    GitHub, December 2026).
    """
    if offers(client, "ID"):
        name = f'("name" "leadminer" "version" "{version("leadminer")}")'
        imap: Any = client._imap
        try:
            imap._simple_command("ID", name)
        except imap.abort:
            raise
        except imap.error:
            return


def log_out(client: IMAPClient) -> None:
    """Log out, and wait at most a second for the answer, however slowly it comes and whatever comes instead."""
    imap: Any = client._imap
    tag: bytes = imap._new_tag()
    client.socket().settimeout(GOODBYE_SECONDS)
    imap.send(tag + b" LOGOUT\r\n")
    ending, answer = time.monotonic() + GOODBYE_SECONDS, b"?"
    while answer and tag not in answer and (left := ending - time.monotonic()) > 0:
        client.socket().settimeout(left)
        answer = client.socket().recv(RECEIVED_BYTES)


class _Literals:
    """Two literals of one LOGIN, the first of which announces the second."""

    def __init__(self, login: bytes, password: bytes) -> None:
        self._parts = [login + b" {%d}" % len(password), password]

    def send(self, _invitation: bytes) -> bytes:
        """Return what follows the server's invitation."""
        return self._parts.pop(0) if self._parts else b""


def offers(client: IMAPClient, *capabilities: str) -> bool:
    """Return whether a server has all of these extensions; not if its answer to CAPABILITY is empty."""
    try:
        return all(client.has_capability(each) for each in capabilities)
    except AttributeError:  # imapclient reads the answer that is not there
        return False
