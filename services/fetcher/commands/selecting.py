"""The options by which commands select contacts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fetcher.commands.days import day
from fetcher.commands.minings import pick_mining
from fetcher.contacts.selection import Order, Selection
from fetcher.imap.source import mailbox_address
from schemas.tags import TAGS

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack


def tag_name(text: str) -> str:
    """Return a tag's name; raise BadParameter for any other text."""
    if text.lower() not in TAGS:
        raise typer.BadParameter(f"{text!r} is not a tag: use one of {', '.join(TAGS)}.")
    return text.lower()


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORDS",
        help="Only contacts with words in their name or address that begin like this.",
        show_default=False,
    ),
]
OfTag = Annotated[
    str | None,
    typer.Option("--tag", metavar="TAG", parser=tag_name, help=f"Only contacts with this tag: {', '.join(TAGS)}."),
]
OfSource = Annotated[
    str | None,
    typer.Option("--source", metavar="ADDRESS", help="Only contacts from this mailbox, such as jane@example.org."),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="DATE", parser=day, help="Only contacts whose last message is not older than this day."
    ),
]
OfMining = Annotated[
    str | None, typer.Option("--mining", metavar="MINING", help="Only contacts that this mining found first.")
]
InOrder = Annotated[Order, typer.Option("--order", help="The warmest first, the most recent, or by name.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options of a command say."""

    words: Sequence[str]
    tag: str | None
    source: str | None
    since: str | None
    mining: str | None
    order: Order

    def selection(self, stack: "Stack", user: str) -> Selection:
        """Return the selection; raise NotFound if the user has no such mining."""
        return Selection(
            q=" ".join(self.words) or None,
            tag=self.tag,
            source=mailbox_address(self.source),
            since=self.since,
            mining=None if self.mining is None else pick_mining(stack, user, self.mining, among=lambda _: True),
            order=self.order,
        )

    def describe(self) -> str:
        """Return what narrows the contacts, as the end of a sentence about them; empty if nothing does."""
        parts = {"with": self.words and repr(" ".join(self.words)), "tagged": self.tag, "from": self.source}
        parts |= {"since": self.since, "found first by mining": self.mining}
        return "".join(f" {word} {value}" for word, value in parts.items() if value)
