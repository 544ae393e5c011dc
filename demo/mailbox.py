"""The sample mailbox: a few thousand messages, byte for byte the same for the same seed. Pure."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from demo.oddities import ODDITIES
from demo.scenes import REFERENCE, Placed, Scenes

MESSAGES = 4_000
SEED = 1
SHARES = (45, 14, 12, 10, 3, 3)
"""The relative frequency of each kind of scene; a conversation has three letters on average."""
FOLDERS = {
    "INBOX": "",
    "INBOX/Newsletters": "",
    "Archive": "\\Noselect",
    "Archive/2024": "",
    "Archive/2025": "",
    "Drafts": "\\Drafts",
    "Junk": "\\Junk",
    "Lists": "\\Noselect",
    "Lists/builders": "",
    "Lists/choir": "",
    "Lists/gardeners": "",
    "Projets": "\\Noselect",
    "Projets/Été": "",
    "Sent": "\\Sent",
    "Trash": "\\Trash",
}
"""Each folder with its RFC 6154 or RFC 3501 attribute, if it has one."""


class Item(NamedTuple):
    """One message as a server stores it; `arrived` is its INTERNALDATE."""

    folder: str
    flags: tuple[str, ...]
    arrived: datetime
    body: bytes


def generate_mailbox(seed: int = SEED, messages: int = MESSAGES) -> Iterator[Item]:
    """Yield at least `messages` messages (the last scene is completed); some are copies in another folder."""
    chance = random.Random(seed)
    scenes = Scenes(chance, people=max(10, messages // 14))
    kinds = (
        scenes.conversation,
        scenes.newsletter,
        scenes.mailing_list,
        scenes.notice,
        scenes.attachment,
        scenes.left_out,
    )
    given = 0
    while given < messages:
        for item in _play(chance.choices(kinds, SHARES)[0], chance):
            yield item
            given += 1
        if chance.random() < 0.06:
            yield _odd(scenes, chance)
            given += 1


def _play(scene: Callable[[], Iterator[Placed]], chance: random.Random) -> Iterator[Item]:
    for placed in scene():
        yield _item(placed, chance)
        if chance.random() < 1 / 16 and placed.folder in ("INBOX", "Sent", "Lists/builders"):
            yield _item(placed._replace(folder="Archive/2025"), chance)


def _item(placed: Placed, chance: random.Random) -> Item:
    flags = ("\\Seen",) if chance.random() < 0.8 else ()
    return Item(placed.folder, flags, placed.letter.date, placed.letter.encode())


def _odd(scenes: Scenes, chance: random.Random) -> Item:
    body = chance.choice(ODDITIES)(chance, chance.choice(scenes.people))
    return Item("INBOX", (), REFERENCE, body)
