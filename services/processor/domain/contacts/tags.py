"""Tags: what an address, its domain and its name say of who reads it, and what a message's headers add.

Words match on whole labels, the pieces between ``.``, ``-`` and ``_``; a word of several pieces on consecutive ones.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from processor.domain.contacts.domains import DomainClass, classify_domain
from processor.domain.data import words

ADDRESS: Final = "email_address"
HEADER: Final = "message_header"


class Tag(NamedTuple):
    """One tag. Reachability: 0 nobody reads it, 1 a person, 2 many or indirect, 3 unsure."""

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
"""By the numbers that `facts` gives them: the first is of messages without a tag."""

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
"""A large mailbox has about as many; its chunks share them, since an address's chunk does not go by its host."""


class Host(NamedTuple):
    """What the host of an address says; `robot` is the first rule of words that holds, `_NO_ROBOT` if none does."""

    domain_class: DomainClass
    robot: int
    role: bool
    chat: bool
    group: bool


def says_newsletter(name: str) -> bool:
    """Return whether a name calls its bearer a newsletter, in whole words: a bulletin or a digest may be a paper."""
    return _NEWSLETTER_NAME.search(name) is not None


@lru_cache(maxsize=_REMEMBERED_HOSTS)
def read_host(host: str) -> Host:
    """Return what a host says, which many addresses share.

    Its last two labels are no words, since anyone's domain may be called so; neither are those of a host that is named.
    """
    rest = host.rsplit(".", 2)[0] if host.count(".") > 1 else ""
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
    """Return the address tags of a local part at a host: none for a throw-away domain, which is no contact."""
    if host.domain_class is DomainClass.DISPOSABLE:
        return ()
    robot, role = _read_words(_split_labels(local))
    robot = min(robot, host.robot)
    if robot != _NO_ROBOT:
        return _ROBOTS[robot]
    if host.domain_class is DomainClass.PROVIDER:
        return PERSONAL
    return _PROFESSIONAL[role or host.role, host.chat, host.group]


def rename_newsletter(tags: Tags) -> Tags:
    """Return an address's tags for a message in which its name says newsletter: only the rules before that one hold."""
    return tags if not tags or tags in (NO_REPLY, TRANSACTIONAL) else NEWSLETTER


def address_tags(address: str, newsletter_name: bool = False) -> Tags:
    """Return the tags of an address in lower case, by the first rule that applies."""
    local, _, host = address.rpartition("@")
    tags = read_address(local, read_host(host))
    return rename_newsletter(tags) if newsletter_name else tags


def add_message_tag(tags: Tags, message_tag: int) -> Tags:
    """Return the tags of one message: its own takes the place of all but `professional`, which (or `role`) it wants.

    A role is never without `professional`, so that this alone is looked for.
    """
    added = MESSAGE_TAGS[message_tag]
    if added is None or PROFESSIONAL not in tags:
        return tags
    return (PROFESSIONAL, added)


def _split_labels(text: str) -> list[str]:
    return text.replace(".", "-").replace("_", "-").split("-")


def _read_words(labels: list[str]) -> tuple[int, bool]:
    """Return the first rule of robots that has one of the words, and whether one is of a role.

    Most labels are no piece of any word, and are not joined to runs.
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
