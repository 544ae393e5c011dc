"""Find the password or token: from a file, the environment, a command or the terminal, but never from an argument."""

import getpass
import os
import shlex
import subprocess
import sys
from pathlib import Path

from fetcher.commands.session import PASSWORD_VARIABLE
from fetcher.exits import Misuse
from fetcher.imap.connection import Credentials, LoginRefused
from fetcher.imap.source import Source

TOKEN_TIMEOUT_SECONDS = 120.0
"""Long enough for a command that refreshes its token over the network or asks the user."""


def find_credentials(
    source: Source, *, taken: str | None, password_file: Path | None, token_command: str | None
) -> Credentials:
    """Return the credentials from the command, else the file, else the environment, else the terminal."""
    if token_command is not None and password_file is not None:
        raise Misuse("--token-command and --password-file cannot be used together: choose one of them.")
    if token_command is not None:
        return Credentials(token=TokenCommand(token_command))
    if password_file is not None:
        return Credentials(password=_read_password(password_file))
    return Credentials(password=taken or _ask_password(source))


class TokenCommand:
    """A command from the user that prints a fresh OAuth token each time it runs."""

    def __init__(self, text: str) -> None:
        """Split the text as a shell would; raise Misuse if that fails or nothing is left."""
        try:
            self._words = shlex.split(text)
        except ValueError:
            raise Misuse("--token-command has an unclosed quote: close it.") from None
        if not self._words:
            raise Misuse("--token-command is empty: give the command that prints a token.")

    def __call__(self) -> str:
        """Run the command and return the first line that it prints; raise LoginRefused if that fails."""
        try:
            done = subprocess.run(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=TOKEN_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LoginRefused(self._failure(f"took more than {TOKEN_TIMEOUT_SECONDS:.0f} seconds")) from None
        except OSError as error:
            raise LoginRefused(self._failure(f"cannot be run ({os.strerror(error.errno or 0)})")) from None
        if done.returncode:
            raise LoginRefused(self._failure(f"ended with exit code {done.returncode}"))
        token = done.stdout.decode("utf-8", "replace").strip().partition("\n")[0].strip()
        if not token.isprintable() or not token.isascii() or not token:
            raise LoginRefused(self._failure("printed no token"))
        return token

    def _failure(self, what: str) -> str:
        return f"The token command {self._words[0]!r} {what}: run it yourself and check that it prints a token."


def _read_password(path: Path) -> str:
    try:
        text = sys.stdin.readline() if str(path) == "-" else path.read_text("utf-8")
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise Misuse(
            f"The password file {str(path)!r} cannot be read ({reason}): check its path and permissions."
        ) from None
    except UnicodeDecodeError:
        raise Misuse(f"The password file {str(path)!r} is not UTF-8 text: save it as UTF-8.") from None
    password = text.partition("\n")[0].removesuffix("\r")
    if not password:
        raise Misuse(f"The password file {str(path)!r} is empty: put the password on its first line.")
    return password


def _ask_password(source: Source) -> str:
    if not sys.stdin.isatty():
        raise Misuse(
            f"There is no password for {source.name} and no terminal to ask for it: "
            f"use --password-file, --token-command or {PASSWORD_VARIABLE}."
        )
    password = getpass.getpass(f"Password for {source.login} at {source.place}: ")
    if not password:
        raise Misuse(f"The password for {source.name} is empty: enter the mailbox's password or app password.")
    return password
