"""The command `contact`: everything about one contact, and why it is one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from fetcher.commands.session import Json, User, session
from fetcher.commands.summary import plural
from fetcher.exits import Misuse
from fetcher.ports import NotFound, check_user


def contact(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="The contact's address.", metavar="ADDRESS")],
    user: User = "local",
    as_json: Json = False,
) -> None:
    """Show everything about one contact, and why it is one.

    Shows its messages, its names with how many messages have each, and its tags with the rule behind each.
    """
    here = session(context)
    check_user(user)
    if "@" not in address:
        raise Misuse(f"{address!r} is not an email address: to find one, run leadminer contacts {address}.")
    with here.stack() as stack:
        try:
            found = stack.processor.contact(user, address=address)
        except NotFound:
            raise NotFound(f"{address} is not a contact of user {user}: run leadminer contacts to list them.") from None
    if as_json:
        here.terminal.show_json(found)
        return
    here.terminal.show(" · ".join(filter(None, (found["name"], found["address"]))), "bold")
    for line in detail_lines(found):
        here.terminal.show(f"  {line}")


def detail_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the processor's API says about a contact, line by line."""
    fields = found["fields"]
    yield f"temperature {found['temperature']} of 100"
    yield f"{plural(found['occurrence'], 'message')}: {fields['sender']:,} from them, {fields['recipient']:,} to them"
    dates = [f"{word} on {_day(found[word])}" for word in ("first", "last") if found[word]]
    if dates:
        yield ", ".join(dates)
    answers = found["replied_conversations"]
    yield f"{plural(found['conversations'], 'message')} in conversations, of which they wrote {answers:,}"
    yield from _listed("names", map(_name, found["names"]))
    yield from _listed("tags", map(_tag, found["tags"]))
    yield from _listed("also written as", found["alternate_emails"])
    yield from _listed("found in", found["sources"])
    yield f"first found by mining {found['first_mining']}"
    if found["last_mining"] != found["first_mining"]:
        yield f"last found by mining {found['last_mining']}"


def _listed(head: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if not number:
            yield f"{head}:"
        yield f"  {line}"


def _name(vote: Mapping[str, Any]) -> str:
    latest = f", last on {_day(vote['latest'])}" if vote["latest"] else ""
    return f"{vote['name']}: {plural(vote['messages'], 'message')}{latest}{', as they sign' if vote['signed'] else ''}"


def _tag(tag: Mapping[str, Any]) -> str:
    return f"{tag['name']} ({plural(tag['messages'], 'message')}): {tag['rule']}"


def _day(moment: str) -> str:
    return moment[:10]
