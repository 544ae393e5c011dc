"""The commands about contacts: contacts, export, erase."""

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from fetcher.commands.outputs import opened_output
from fetcher.commands.reports import removed
from fetcher.commands.session import Json, User, session
from fetcher.commands.terminal import Column
from fetcher.contacts.contact import Contact, record, tag_names
from fetcher.contacts.csv import check_delimiter
from fetcher.contacts.export import Format, export_contacts
from fetcher.contacts.pages import PAGE, read_contacts
from fetcher.exits import Exit, Misuse
from fetcher.imap.source import mailbox_address
from fetcher.ports import check_user

COLUMNS = (
    Column("Temp", number=True),
    Column("Name", wraps=True),
    Column("Email"),
    Column("Messages", number=True),
    Column("Replies", number=True, spare=True),
    Column("Last"),
    Column("Tags", wraps=True, spare=True),
)
OfSource = Annotated[
    str | None, typer.Option("--source", metavar="ADDRESS", help="Of this mailbox alone, such as jane@example.org.")
]


def contacts(
    context: typer.Context,
    source: OfSource = None,
    limit: Annotated[int, typer.Option(min=0, help="How many at most; 0 for all.")] = 50,
    user: User = "local",
    as_json: Json = False,
) -> None:
    """Show the contacts, the warmest first."""
    here = session(context)
    with here.stack() as stack:
        found = list(
            islice(
                read_contacts(
                    stack.processor,
                    check_user(user),
                    source=mailbox_address(source),
                    page=min(limit or PAGE, PAGE),
                ),
                limit or None,
            )
        )
    if as_json:
        here.terminal.show_json([record(contact) for contact in found])
    elif found:
        here.terminal.show_table(COLUMNS, map(_row, found))
    else:
        here.terminal.tell(f"There is no contact of user {user}{f' from {source}' if source else ''}.")


def export(
    context: typer.Context,
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.CSV,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")] = None,
    source: OfSource = None,
    delimiter: Annotated[str, typer.Option(metavar="CHARACTER", help="What parts the cells of a CSV.")] = ",",
    user: User = "local",
) -> None:
    """Write the contacts as CSV, vCard or JSON Lines.

    They go to standard output, unless --output names a file, which is then there whole or not at all.
    """
    here = session(context)
    try:
        delimiter = check_delimiter(delimiter)
    except ValueError as error:
        raise Misuse(f"In --delimiter, {error}.") from None
    count = -1 if form is Format.CSV else 0
    with here.stack() as stack, opened_output(output) as write:
        found = read_contacts(stack.processor, check_user(user), source=mailbox_address(source))
        for piece in export_contacts(found, form, delimiter=delimiter):
            write(piece)
            count += 1
    if output is not None:
        here.terminal.tell(f"{count:,} contacts of user {user} are in {output}.")


def erase(
    context: typer.Context,
    address: Annotated[str | None, typer.Argument(help="The contact to erase.", metavar="ADDRESS")] = None,
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="Whose contact; without an ADDRESS, all of this user.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Erase a contact or a user, with a receipt.

    A contact that is erased does not come back with the next mining. Without an ADDRESS, everything of the user goes.
    """
    here = session(context)
    if address is None and user is None:
        raise Misuse("Say what to erase: an ADDRESS, or --user USER for everything of that user.")
    if address is not None and "@" not in address:
        raise Misuse(f"{address!r} is no address: write it as jane@example.org.")
    owner = check_user("local" if user is None else user)
    what = f"everything of user {owner}" if address is None else f"the contact {address} of user {owner}"
    if not yes:
        _confirm(what)
    with here.stack() as stack:
        receipt = stack.processor.erase(owner, address=address)
    if as_json:
        here.terminal.show_json(receipt)
        return
    if address is not None and not receipt.get("contacts"):
        here.terminal.show(f"{address} was no contact of user {owner}, and will not become one.")
        return
    here.terminal.show(f"Erased {what}.")
    for line in removed(receipt):
        here.terminal.show(line)


def _confirm(what: str) -> None:
    if not sys.stdin.isatty():
        raise Misuse(f"This would erase {what}: add --yes where nobody can be asked.")
    if not typer.confirm(f"Erase {what}? This cannot be undone.", err=True):
        raise typer.Exit(Exit.NOT_WELL)


def _row(contact: Contact) -> tuple[object, ...]:
    return (
        contact["temperature"],
        contact["name"],
        contact["address"],
        contact["occurrence"],
        contact["replied_conversations"],
        (contact["recency"] or "")[:10],
        ", ".join(tag_names(contact)),
    )
