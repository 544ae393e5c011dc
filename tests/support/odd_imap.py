"""An IMAP server that does what Dovecot never would: it refuses single messages, lacks UIDVALIDITY, or hangs up."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.support.imap.commands import Command
from tests.support.imap.mail import Folder, numbers
from tests.support.imap.server import HangUp, ImapServer

UID = re.compile(rb"\bUID (\d+)")


@dataclass
class OddFolder(Folder):
    """A folder that fails in the FETCH of some bodies.

    The server answers NO to `refused` messages and BAD to `malformed` ones, leaves `withheld` ones out of an OK, and
    hangs up in the middle of `fatal` ones.
    """

    refused: set[int] = field(default_factory=set)
    malformed: set[int] = field(default_factory=set)
    withheld: set[int] = field(default_factory=set)
    fatal: set[int] = field(default_factory=set)

    def kept_back(self, command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        """Return the answer to a FETCH of bodies as far as the folder gives them."""
        asked = set(self.messages) & set(numbers(command.words[0], max(self.messages, default=0)))
        if asked & self.refused:
            yield command.done("NO cannot read it")
        elif asked & self.malformed:
            yield command.done("BAD cannot read it")
        else:
            yield from self._given(answer)

    def _given(self, answer: Iterator[bytes]) -> Iterator[bytes]:
        for response in answer:
            uid = uid_of(response)
            if uid in self.fatal:
                yield response[: len(response) // 2]
                raise HangUp
            if uid not in self.withheld:
                yield response


class OddImap(ImapServer):
    """One odd server on loopback.

    `fetched` counts the bodies sent, by UID. Before each FETCH of bodies, `on_fetch` is called with the number of such
    FETCHes so far, and the server hangs up if it returns True. Before each login, `on_login` is called. Logins get the
    `login_answers` one by one before they succeed. `junk` is sent before the response to a command. LIST knows no
    options, even if LIST-EXTENDED is announced.
    """

    def __init__(self, folders: Mapping[str, Folder], *, capabilities: str = "", delimiter: str = "/") -> None:
        super().__init__(folders, capabilities=capabilities, delimiter=delimiter)
        self.fetched: Counter[int] = Counter()
        self.fetches = 0
        self.logins = 0
        self.login_answers: list[str] = []
        self.junk: dict[str, bytes] = {}
        self.on_fetch: Callable[[int], bool] = lambda _: False
        self.on_login: Callable[[], object] = lambda: None

    def fault(self, command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        """Return the answer with this server's own faults, and those of `faults` around them."""
        return super().fault(command, self._oddly(command, answer))

    def _oddly(self, command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        if junk := self.junk.get(command.name.removeprefix("UID ")):
            yield junk
        if command.name == "LOGIN":
            self.on_login()
            with self.lock:
                self.logins += 1
                refusal = self.login_answers.pop(0) if self.login_answers else None
            yield from iter([command.done(refusal)]) if refusal else answer
        elif command.name == "LIST" and b"RETURN" in command.arguments:
            yield command.done("BAD what?")
        elif command.name == "UID FETCH" and b"BODY" in command.arguments:
            yield from self._bodies(command, answer)
        else:
            yield from answer

    def _bodies(self, command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        with self.lock:
            self.fetches += 1
            if self.on_fetch(self.fetches):
                raise HangUp
        folder = self.folders[command.folder]
        given = folder.kept_back(command, answer) if isinstance(folder, OddFolder) else answer
        for response in given:
            yield response
            if uid := uid_of(response):
                with self.lock:
                    self.fetched[uid] += 1


def uid_of(response: bytes) -> int | None:
    """Return the UID of a FETCH response."""
    found = UID.search(response[:200]) if response.startswith(b"* ") else None
    return int(found[1]) if found else None
