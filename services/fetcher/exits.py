"""The exit codes of the command line: one meaning each, for scripts and schedulers."""

from enum import IntEnum


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
    NOT_WELL = 1, "done, but something needs a look: a ledger that does not balance, messages or folders that failed"
    USAGE = 2, "the command line is wrong"
    SETTINGS = 3, "a setting in the environment is wrong"
    UNREACHABLE = 4, "the mail server cannot be reached"
    AUTHENTICATION = 5, "the mail server or the processor refused the login"
    CERTIFICATE = 6, "the mail server's certificate could not be verified"
    STORAGE = 7, "what has to be written could not be: a full disk, a folder that is not ours"
    UNAVAILABLE = 8, "the processor, the queue or the embedded servers do not answer"
    HELD = 9, "the mining is held by another, or was begun with other settings"
    UNKNOWN = 10, "there is no such mining, contact or file"
    UNEXPECTED = 70, "an error that is ours; LEADMINER_DEBUG=1 shows the details"
    INTERRUPTED = 75, "stopped before the end; the same command goes on where it stopped"
    STOPPED = 130, "stopped at once by a second Ctrl-C; the same command goes on where it stopped"


class Refusal(Exception):
    """An end that the user can do something about: one sentence with the value and what to do, and its exit code."""

    def __init__(self, sentence: str, code: Exit) -> None:
        super().__init__(sentence)
        self.code = code
