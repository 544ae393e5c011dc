"""Tell from a server's NO, BAD or BYE whether the same command can succeed later. Pure."""

import re
from enum import Enum

LATER_CODES = ("UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT", "OVERQUOTA", "THROTTLED", "CONTACTADMIN")
"""Response codes with which a server refuses for its own reasons (RFC 5530 section 3). Gmail sends OVERQUOTA for
"Account exceeded command or bandwidth limits", and THROTTLED (support.google.com/a/answer/1071518, December 2026)."""

LATER_WORDS = (
    "TOO MANY",
    "SYSTEM ERROR",
    "SERVER ERROR",
    "INTERNAL ERROR",
    "SERVER BUSY",
    "UNAVAILABLE",
    "NOT AVAILABLE",
    "OVERLOADED",
    "THROTTLED",
    "BANDWIDTH LIMITS",
    "TRY AGAIN",
    "TRY LATER",
    "TEMPORAR",
    "TIMED OUT",
    "NOT CONNECTED",
)
"""The same in words, where a server sends no code: Gmail "System Error (Failure)" and "Too many simultaneous
connections"; Exchange "Request is throttled", "Server Unavailable. 15" and "User is authenticated but not connected"
(reports to imapsync, imap_tools, imapfilter and MailKit on GitHub, December 2026)."""

CLOSED_WORDS = ("NOT SELECTED", "NO MAILBOX", "NO FOLDER", "STATE")
"""How servers, and imaplib, say that no folder is open: "No mailbox selected", "Command not valid in this state"."""

CODE = re.compile(r"\[([A-Z][A-Z0-9-]*)[ \]]")


class Refusal(Enum):
    """What a NO or BAD means for the next attempt."""

    LATER = "later"
    """The server cannot do it at the moment."""
    CLOSED = "closed"
    """No folder is open any longer."""
    NO = "no"
    """The server gives no reason that would pass, or withholds what was asked for without one."""


def read_refusal(answer: object, *, folder: str = "") -> Refusal:
    """Return what a refusal means; a code in brackets counts more than words. The folder's name is no reason."""
    text = str(answer).upper().replace(folder.upper(), "") if folder else str(answer).upper()
    codes = set(CODE.findall(text))
    if codes & set(LATER_CODES):
        return Refusal.LATER
    if codes - {"ALERT"}:
        return Refusal.NO
    if any(words in text for words in LATER_WORDS):
        return Refusal.LATER
    return Refusal.CLOSED if any(words in text for words in CLOSED_WORDS) else Refusal.NO
