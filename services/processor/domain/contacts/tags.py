"""Tags: what an address, its domain and its name say about who reads it, and what a message's headers add.

Words match whole labels: the pieces between ``.``, ``-`` and ``_``. A word of several pieces matches labels in a row.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from processor.domain.contacts.domains import DomainClass, classify_domain, registrable_domain
from processor.domain.data import words

ADDRESS: Final = "email_address"
HEADER: Final = "message_header"


class Tag(NamedTuple):
    """One tag. Reachability: 0 nobody reads it, 1 a person does, 2 many people or indirectly, 3 unsure."""

    name: str
    reachability: int
    source: str


Tags = tuple[Tag, ...]

NO_REPLY: Final = (Tag("no-reply", 0, ADDRESS),)
TRANSACTIONAL: Final = (Tag("transactional", 0, ADDRESS),)
NEWSLETTER: Final = (Tag("newsletter", 3, ADDRESS),)
PERSONAL: Final = (Tag("personal", 1, ADDRESS),)
PROFESSIONAL: Final = Tag("professional", 1, ADDRESS)
ROLE: Final = Tag("role", 2, ADDRESS)
CHAT: Final = Tag("chat", 2, ADDRESS)
GROUP: Final = Tag("group", 2, ADDRESS)
MESSAGE_TAGS: Final = (
    None,
    Tag("chat", 2, HEADER),
    Tag("newsletter", 3, HEADER),
    Tag("group", 2, HEADER),
    Tag("transactional", 0, HEADER),
)
"""The message tags by their numbers in `facts`. The first is for messages without a tag."""

_ROBOTS: Final = (NO_REPLY, TRANSACTIONAL, NEWSLETTER)
_ROBOT_WORDS: Final = {
    word: rank
    for rank, listed in enumerate((words.NO_REPLY, words.TRANSACTIONAL, words.NEWSLETTER))
    for word in listed.split()
}
_NO_ROBOT: Final = len(_ROBOTS)
_ROLE_WORDS: Final = frozenset(words.ROLE.split())
_CHAT_HOSTS: Final = frozenset(words.CHAT_HOSTS.split())
_GROUP_HOSTS: Final = frozenset(words.GROUP_HOSTS.split())
_NAMED_HOSTS: Final = _CHAT_HOSTS | _GROUP_HOSTS
_GROUP_LABELS: Final = frozenset(words.GROUP_LABELS.split())
_LONGEST_WORD: Final = max(word.count("-") + 1 for word in (*_ROBOT_WORDS, *_ROLE_WORDS))
_PIECES: Final = frozenset(piece for word in (*_ROBOT_WORDS, *_ROLE_WORDS) for piece in word.split("-"))
_WORDS: Final = _PIECES | _GROUP_LABELS
_EXCHANGE_ROBOT: Final = re.compile(words.EXCHANGE_ROBOT)
_PROFESSIONAL: Final = {
    (role, chat, group): (PROFESSIONAL, *(tag for tag, meant in ((ROLE, role), (CHAT, chat), (GROUP, group)) if meant))
    for role in (False, True)
    for chat in (False, True)
    for group in (False, True)
}
_NEWSLETTER_NAME: Final = re.compile(
    r"(?<![^\W_])(?:e[ -]?)?(?:news[ -]?letters?|info[ -]?lettres?|lettre d.information"
    r"|infobriefe?|rundbriefe?|bolet(?:[i\u00ed]n|im) informativo)(?![^\W_])",
    re.IGNORECASE,
)

_REMEMBERED_HOSTS: Final = 4096
"""A large mailbox has about this many. All chunks share them, since an address's chunk does not depend on its host."""


class Host(NamedTuple):
    """What the host of an address says. `robot` is the first word rule that matches, or `_NO_ROBOT`."""

    domain_class: DomainClass
    robot: int
    role: bool
    chat: bool
    group: bool


def says_newsletter(name: str) -> bool:
    """Return whether a name contains a whole word for newsletter. "Bulletin" or "Digest" could be a newspaper."""
    return _NEWSLETTER_NAME.search(name) is not None


@lru_cache(maxsize=_REMEMBERED_HOSTS)
def read_host(host: str) -> Host:
    """Return what a host says, for all of its addresses.

    The registrable domain does not count as words, since any domain can have that name, nor does a named host. The
    public suffixes are asked only if a label is a word.
    """
    rest = host.rsplit(".", 2)[0] if host.count(".") > 1 else ""
    if rest and not _WORDS.isdisjoint(_split_labels(rest)):
        rest = host.removesuffix(registrable_domain(host))
    chat = group = False
    name = host
    while name:
        if name in _NAMED_HOSTS:
            chat, group, rest = name in _CHAT_HOSTS, name in _GROUP_HOSTS, host[: -len(name)]
            break
        name = name.partition(".")[2]
    labels = _split_labels(rest)
    robot, role = _read_words(labels)
    return Host(classify_domain(host), robot, role, chat, group or not _GROUP_LABELS.isdisjoint(labels))


def read_address(local: str, host: Host) -> Tags:
    """Return the address tags of a local part at a host: none for a disposable domain, which is never a contact."""
    if host.domain_class is DomainClass.DISPOSABLE:
        return ()
    robot, role = _read_words(_split_labels(local))
    robot = min(robot, host.robot)
    if local.startswith("microsoftexchange") and _EXCHANGE_ROBOT.fullmatch(local):
        return NO_REPLY
    if robot != _NO_ROBOT:
        return _ROBOTS[robot]
    if host.domain_class is DomainClass.PROVIDER:
        return PERSONAL
    return _PROFESSIONAL[role or host.role, host.chat, host.group]


def rename_newsletter(tags: Tags) -> Tags:
    """Return an address's tags for a message in which its name says newsletter. Only earlier rules override it."""
    return tags if not tags or tags in (NO_REPLY, TRANSACTIONAL) else NEWSLETTER


def address_tags(address: str, newsletter_name: bool = False) -> Tags:
    """Return the tags of a lower-case address, by the first rule that applies."""
    local, _, host = address.rpartition("@")
    tags = read_address(local, read_host(host))
    return rename_newsletter(tags) if newsletter_name else tags


def add_message_tag(tags: Tags, message_tag: int) -> Tags:
    """Return an address's tags in one message.

    The message tag replaces all address tags except `professional`. It needs `professional` or `role`; only
    `professional` is checked, because `role` never comes without it.
    """
    added = MESSAGE_TAGS[message_tag]
    if added is None or PROFESSIONAL not in tags:
        return tags
    return (PROFESSIONAL, added)


def _split_labels(text: str) -> list[str]:
    return text.replace(".", "-").replace("_", "-").split("-")


def _read_words(labels: list[str]) -> tuple[int, bool]:
    """Return the first robot rule that one of the words matches, and whether one is a role.

    Most labels are not part of any word, and then no runs of labels are built.
    """
    if _PIECES.isdisjoint(labels):
        return _NO_ROBOT, False
    labels = [label for label in labels if label]
    runs = [
        "-".join(labels[start : start + length])
        for length in range(1, min(len(labels), _LONGEST_WORD) + 1)
        for start in range(len(labels) - length + 1)
    ]
    return min([_ROBOT_WORDS.get(run, _NO_ROBOT) for run in runs]), not _ROLE_WORDS.isdisjoint(runs)
