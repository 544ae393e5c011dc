"""What comes over one connection: bounded in memory, never logged, and the words with which the server refuses."""

import re
from typing import Any

from schemas.segments import MESSAGE_CAP_BYTES

LITERAL_BYTES = 256 * 1024 * 1024
"""No message is longer: Exchange Online has the highest limit, 150 MB before encoding (its limits page, 2026-01)."""
BODIES_BYTES = 40 * 1024 * 1024
"""Of the bodies in one answer, at most so much is kept. A segment of 500 messages in scope `text` has 32 MiB."""
LINES_BYTES = 32 * 1024 * 1024
"""Lines in one answer, at most. The longest that we ask for, 50,000 UIDs by FETCH, has 5 MB."""
LINE_BYTES = 64
"""What a line takes in memory besides its own bytes."""
PIECE_BYTES = 64 * 1024
TAIL_BYTES = 512
WORDS = 200
"""Characters of the server's own words that are kept."""


class Wire:
    """Watches over one connection of imaplib.

    Of each literal, at most `keep_bytes` are kept; the rest is read and dropped. A literal for which an answer has no
    room left becomes empty. One that is shorter or longer than announced breaks the connection, at once if that shows.
    `said` is what the server said when it last refused something. `ended` says whether the connection is over.

    imapclient sets imaplib's debug level to 5, which formats every body for a log and also costs two thirds of the
    speed.
    """

    def __init__(self, imap: Any) -> None:
        """Watch over a connection."""
        self.keep_bytes = MESSAGE_CAP_BYTES
        self.said = ""
        self.ended = False
        self._imap = imap
        self._readline = imap.readline
        self._new_tag = imap._new_tag
        self._get_tagged_response = imap._get_tagged_response
        self._end_of_answer = re.compile(rb"(?!)")
        self._bodies_left = BODIES_BYTES
        self._lines_left = LINES_BYTES
        self._in_response = False
        imap.debug = 0
        imap._log = lambda _line: None
        imap.read = self._read_literal
        imap.readline = self._read_line
        imap._new_tag = self._begin
        imap._get_tagged_response = self._end

    def _begin(self) -> bytes:
        tag: bytes = self._new_tag()
        self._end_of_answer = re.compile(rb"\r\n%s (?:OK|NO|BAD)\b[^\r\n]*\r\n\Z" % re.escape(tag))
        self._bodies_left = BODIES_BYTES
        self._lines_left = LINES_BYTES
        return tag

    def _end(self, tag: bytes, *, expect_bye: bool = False) -> Any:
        try:
            answer = self._get_tagged_response(tag, expect_bye)
        except self._imap.abort:
            self._hear(self._imap.untagged_responses.get("BYE"))
            raise
        if answer[0] != "OK":
            self._hear(answer[1])
        return answer

    def _hear(self, words: Any) -> None:
        if words and isinstance(words[-1], bytes):
            self.said = sanitised(words[-1])

    def _read_line(self) -> bytes:
        try:
            line: bytes = self._readline()
        except OSError:
            self.ended = True
            raise
        self.ended = not line.endswith(b"\n")
        self._lines_left -= len(line) + LINE_BYTES
        if self._lines_left < 0:
            raise self._imap.abort("answer too long")
        if self._in_response:
            if not line.startswith((b")", b" ", b"\r")):
                raise self._imap.abort("literal of another length")
            self._in_response = False
        return line

    def _read_literal(self, size: int) -> bytes:
        if size > LITERAL_BYTES:
            raise self._imap.abort("literal too large")
        kept = min(size, self.keep_bytes)
        if kept > self._bodies_left:
            kept = 0
        self._bodies_left -= kept
        data = self._take(kept)
        for start in range(kept, size, PIECE_BYTES):
            self._take(min(PIECE_BYTES, size - start))
        self._in_response = True
        return data

    def _take(self, size: int) -> bytes:
        """Return the next bytes; raise abort if they contain the end of the answer, after which nothing comes."""
        data: bytes = self._imap.file.read1(size)
        if len(data) < size:
            data = self._take_on(data, size - len(data))
        if data.endswith(b"\r\n"):
            self._check_end(data[-TAIL_BYTES:])
        return data

    def _take_on(self, data: bytes, left: int) -> bytes:
        parts, tail = [data], data[-TAIL_BYTES:]
        while left:
            self._check_end(tail)
            try:
                data = self._imap.file.read1(left)
            except OSError:
                data = b""
            if not data:
                self.ended = True
                raise self._imap.abort("connection closed")
            parts.append(data)
            tail = (tail + data[-TAIL_BYTES:])[-TAIL_BYTES:]
            left -= len(data)
        return b"".join(parts)

    def _check_end(self, tail: bytes) -> None:
        if self._end_of_answer.search(tail):
            raise self._imap.abort("literal too short")


def sanitised(words: bytes) -> str:
    """Return a server's words on one line of limited length, without control characters."""
    text = "".join(letter if letter.isprintable() else " " for letter in words[: 4 * WORDS].decode(errors="replace"))
    text = " ".join(text.split())
    return text if len(text) <= WORDS else f"{text[: WORDS - 1]}…"
