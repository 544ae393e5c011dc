"""The exit codes of the command line: one meaning each, for scripts and schedulers."""

import errno
import traceback
from enum import IntEnum
from pathlib import Path

from fetcher.ports import Trouble, Unavailable


class Exit(IntEnum):
    """What the command line ends with; `meaning` is the sentence that its help shows."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        """Keep the sentence beside the number."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "everything was done"
    NOT_WELL = 1, "done, but not all is well: see the report"
    USAGE = 2, "the command line is wrong"
    SETTINGS = 3, "a setting in the environment is wrong"
    UNREACHABLE = 4, "the mail server cannot be reached, or does not speak IMAP"
    AUTHENTICATION = 5, "a password, token or right was refused"
    CERTIFICATE = 6, "the mail server's certificate cannot be verified"
    STORAGE = 7, "something could not be written, for a full disk or missing rights, or was damaged there"
    UNAVAILABLE = 8, "the processor, the queue or the embedded servers are not there"
    HELD = 9, "another holds the mining, or it was begun with other settings"
    UNKNOWN = 10, "there is no such mining, folder, source or contact"
    UNEXPECTED = 70, "an error of leadminer's own; LEADMINER_DEBUG=1 shows where"
    INTERRUPTED = 75, "stopped before the end; the same command goes on from there"
    STOPPED = 130, "stopped at once by Ctrl-C; the same command goes on from there"


class Misuse(Trouble):
    """The command line asks for what cannot be done."""


class Unwritable(Trouble):
    """A file that the user named cannot be written."""


class Misconfigured(Trouble):
    """The settings do not allow what was asked for."""


class Busy(Unavailable):
    """As many minings run as the settings allow."""


class Stopping(Unavailable):
    """The service has been told to stop, and starts nothing any more."""


class Unforeseen(Trouble):
    """An error of leadminer's own; `way` are the places that led to it, without any value."""

    def __init__(self, sentence: str, way: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.way = way


def translate(error: Exception) -> Trouble:
    """Return a trouble that says what kind of error it was and where: its text may hold mail, and is never shown."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unwritable("The disk is full: free some space and run the same command again.")
    frames = traceback.extract_tb(error.__traceback__)
    return Unforeseen(
        f"leadminer ended on an error of its own ({type(error).__name__} in {frames[-1].name}, "
        f"{Path(frames[-1].filename).name}:{frames[-1].lineno}). What is stored is not lost.",
        tuple(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames),
    )


def exit_of(error: Trouble) -> Exit:
    """Return the exit code of a trouble: that of the nearest class it belongs to."""
    codes = _codes()
    return next((codes[kind] for kind in type(error).__mro__ if kind in codes), Exit.UNEXPECTED)


def _codes() -> dict[type, Exit]:
    from fetcher import ports  # only where something went wrong: they are slow to import
    from fetcher.imap import connection, source

    return {
        Misuse: Exit.USAGE,
        source.BadSource: Exit.USAGE,
        connection.PlainRefused: Exit.USAGE,
        ports.Invalid: Exit.USAGE,
        Misconfigured: Exit.SETTINGS,
        connection.HostUnreachable: Exit.UNREACHABLE,
        connection.NotImap: Exit.UNREACHABLE,
        connection.ConnectionLost: Exit.UNREACHABLE,
        connection.FolderRefused: Exit.UNREACHABLE,
        connection.LoginRefused: Exit.AUTHENTICATION,
        ports.Denied: Exit.AUTHENTICATION,
        connection.CertificateRefused: Exit.CERTIFICATE,
        ports.LimitExceeded: Exit.STORAGE,
        ports.Damaged: Exit.STORAGE,
        Unwritable: Exit.STORAGE,
        ports.Unavailable: Exit.UNAVAILABLE,
        ports.Conflict: Exit.HELD,
        ports.NotFound: Exit.UNKNOWN,
        connection.FolderMissing: Exit.UNKNOWN,
    }
