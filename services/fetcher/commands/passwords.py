"""Where a password or a token comes from: a file, the environment, a command or the terminal, never an argument."""

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
"""A command may refresh its token over the network, or ask on the terminal."""


def find_credentials(
    source: Source, *, taken: str | None, password_file: Path | None, token_command: str | None
) -> Credentials:
    """Return what proves the login: from the command, else the file, else the environment, else the terminal."""
    if token_command is not None and password_file is not None:
        raise Misuse("--token-command and --password-file exclude each other: give one of them.")
    if token_command is not None:
        return Credentials(token=TokenCommand(token_command))
    if password_file is not None:
        return Credentials(password=_read_password(password_file))
    return Credentials(password=taken or _ask_password(source))


class TokenCommand:
    """A command of the user's that prints a fresh OAuth token each time it is run."""

    def __init__(self, text: str) -> None:
        """Split the text as a shell would; raise Misuse where that fails or nothing is left."""
        try:
            self._words = shlex.split(text)
        except ValueError:
            raise Misuse("--token-command has a quote that is not closed.") from None
        if not self._words:
            raise Misuse("--token-command is empty: give the command that prints a token.")

    def __call__(self) -> str:
        """Run the command and return the first line that it prints; raise LoginRefused where there is none."""
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
        return f"The token command {self._words[0]!r} {what}: run it by itself and see that it prints a token."


def _read_password(path: Path) -> str:
    try:
        text = sys.stdin.readline() if str(path) == "-" else path.read_text("utf-8")
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise Misuse(f"The password file {str(path)!r} cannot be read ({reason}): check its path and rights.") from None
    except UnicodeDecodeError:
        raise Misuse(f"The password file {str(path)!r} is not UTF-8 text.") from None
    password = text.partition("\n")[0].removesuffix("\r")
    if not password:
        raise Misuse(f"The password file {str(path)!r} is empty: its first line has to be the password.")
    return password


def _ask_password(source: Source) -> str:
    if not sys.stdin.isatty():
        raise Misuse(
            f"There is no password for {source.name}, and no terminal to ask on: "
            f"use --password-file, --token-command or {PASSWORD_VARIABLE}."
        )
    password = getpass.getpass(f"Password of {source.name}: ")
    if not password:
        raise Misuse(f"The password of {source.name} is empty: type the password or app password of this mailbox.")
    return password
