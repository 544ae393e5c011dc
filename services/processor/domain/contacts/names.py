"""Names of contacts: how messages vote for them, and which one is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from processor.domain.contacts.tags import says_newsletter

NameVotes = tuple[str, str, int, int | None, int]
"""A name, its folded form, how many messages have it, their latest date, and whether the address wrote under it."""


@dataclass(slots=True)
class Votes:
    """Whether a name says newsletter, how many messages have it, their latest date, and whether it was signed."""

    newsletter: bool
    count: int = 0
    latest: int | None = None
    signed: int = 0


class Ballot:
    """Counts the votes for the names of one address: each message has one for each of its names."""

    __slots__ = ("_votes",)

    def __init__(self) -> None:
        self._votes: dict[str, Votes] = {}

    def count(self, names: Sequence[str], signed: int, date: int | None) -> bool:
        """Count a message's names, of which the first `signed` are signed; return whether one says newsletter."""
        newsletter = False
        for place, name in enumerate(names if len(names) < 2 else dict.fromkeys(names)):
            vote = self._votes.get(name)
            if vote is None:
                vote = self._votes[name] = Votes(says_newsletter(name))
            vote.count += 1
            if place < signed:
                vote.signed = 1
            if date is not None and (vote.latest is None or date > vote.latest):
                vote.latest = date
            newsletter = newsletter or vote.newsletter
        return newsletter

    def rank(self) -> list[NameVotes]:
        """Return the names in order: the first is shown, and those after it are alternate names.

        Names under which the address itself wrote come first, then those with the most messages, then the latest
        (undated last), then by code point. Spellings of one name stay together, at the place of the first of them.
        """
        names = [(name, fold_name(name), vote.count, vote.latest, vote.signed) for name, vote in self._votes.items()]
        if len(names) > 1:
            names.sort(key=lambda name: (-name[4], -name[2], name[3] is None, -(name[3] or 0), name[0]))
            _join_spellings(names)
        return names


def fold_name(name: str) -> str:
    """Return the form that all spellings of a name share: case, outer blanks, and "Doe, Jane" for "Jane Doe"."""
    folded = name.strip().casefold()
    if folded.count(",") == 1:
        last, _, first = folded.partition(",")
        turned = f"{first.strip()} {last.strip()}"
        return turned.strip()
    return folded


def _join_spellings(names: list[NameVotes]) -> None:
    """Move the spellings of one name together, "Jane Doe" before "Doe, Jane". The sort is stable."""
    places: dict[str, int] = {}
    for name in names:
        places.setdefault(name[1], len(places))
    if len(places) < len(names):
        names.sort(key=lambda name: (places[name[1]], "," in name[0]))
