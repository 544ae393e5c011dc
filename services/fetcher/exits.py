"""The exit codes of the command line. Each has one meaning, so that scripts and schedulers can rely on it."""

import errno
import traceback
from enum import IntEnum
from pathlib import Path

from fetcher.ports import Trouble, Unavailable


class Exit(IntEnum):
    """The exit code of the command line; `meaning` is the text that the help shows for it."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        """Store the meaning with the number."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "success"
    NOT_WELL = 1, "finished, but something needs attention: see the report"
    USAGE = 2, "the command line is invalid"
    SETTINGS = 3, "a setting in the environment is invalid"
    UNREACHABLE = 4, "the mail server cannot be reached, or does not speak IMAP"
    AUTHENTICATION = 5, "a password or token was refused, or a permission is missing"
    CERTIFICATE = 6, "the mail server's certificate cannot be verified"
    STORAGE = 7, "data could not be written (disk full or no permission), or stored data is damaged"
    UNAVAILABLE = 8, "the processor, the queue or the embedded servers are not available"
    HELD = 9, "another process is running the mining, or it was started with other settings"
    UNKNOWN = 10, "there is no such mining, folder, source or contact"
    UNEXPECTED = 70, "an internal error in leadminer; LEADMINER_DEBUG=1 shows where"
    INTERRUPTED = 75, "not everything was read; run the same command again to resume"
    STOPPED = 130, "stopped immediately by a second Ctrl-C or SIGTERM; run the same command again to resume"


class Misuse(Trouble):
    """The command line asks for something that cannot be done."""


class Unwritable(Trouble):
    """A file that the user named cannot be written."""


class Misconfigured(Trouble):
    """The settings are wrong, or do not allow what was asked for."""


class NotStarted(Trouble):
    """The embedded servers cannot be started, and trying again would not help."""


class Busy(Unavailable):
    """Too much is going on already; after `retry_seconds`, there may be room."""

    retry_seconds: int = 30


class Stopping(Unavailable):
    """The service has been told to stop and starts nothing new."""


class Unforeseen(Trouble):
    """An internal error in leadminer; `way` lists the places in the code that led to it, without any values."""

    def __init__(self, sentence: str, way: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.way = way


def translate(error: Exception) -> Trouble:
    """Return the error as a Trouble.

    For an unknown error, it gives only the type and the place: the error's own text may contain mail and is never
    shown.
    """
    if isinstance(error, Trouble):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unwritable("The disk is full: free some space, then run the same command again.")
    frames = traceback.extract_tb(error.__traceback__)
    return Unforeseen(
        f"leadminer failed with an internal error ({type(error).__name__} in {frames[-1].name}, "
        f"{Path(frames[-1].filename).name}:{frames[-1].lineno}). Nothing that was stored is lost.",
        tuple(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames),
    )


def exit_of(error: Trouble) -> Exit:
    """Return the exit code of the nearest class in the trouble's inheritance."""
    codes = _codes()
    return next((codes[kind] for kind in type(error).__mro__ if kind in codes), Exit.UNEXPECTED)


def _codes() -> dict[type, Exit]:
    from fetcher import ports  # imported only after an error, because these modules are slow to import
    from fetcher.imap import connection, reach, reader, source

    return {
        Misuse: Exit.USAGE,
        source.BadSource: Exit.USAGE,
        connection.PlainRefused: Exit.USAGE,
        reach.HostRefused: Exit.USAGE,
        ports.Invalid: Exit.USAGE,
        Misconfigured: Exit.SETTINGS,
        NotStarted: Exit.UNAVAILABLE,
        connection.HostUnreachable: Exit.UNREACHABLE,
        connection.NotImap: Exit.UNREACHABLE,
        connection.TlsRefused: Exit.UNREACHABLE,
        connection.ConnectionLost: Exit.UNREACHABLE,
        connection.FolderRefused: Exit.UNREACHABLE,
        connection.LoginRefused: Exit.AUTHENTICATION,
        ports.Denied: Exit.AUTHENTICATION,
        connection.CertificateRefused: Exit.CERTIFICATE,
        ports.LimitExceeded: Exit.STORAGE,
        ports.Damaged: Exit.STORAGE,
        Unwritable: Exit.STORAGE,
        ports.Unavailable: Exit.UNAVAILABLE,
        reader.Halted: Exit.INTERRUPTED,
        ports.Conflict: Exit.HELD,
        ports.NotFound: Exit.UNKNOWN,
        connection.FolderMissing: Exit.UNKNOWN,
    }
