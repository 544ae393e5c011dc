"""The commands about contacts: contacts, export, erase."""

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from fetcher.commands.outputs import opened_output
from fetcher.commands.reports import removed
from fetcher.commands.session import Json, User, session
from fetcher.commands.summary import plural, unfinished
from fetcher.commands.terminal import Column, number
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
    str | None,
    typer.Option("--source", metavar="ADDRESS", help="Only contacts from this mailbox, such as jane@example.org."),
]


def contacts(
    context: typer.Context,
    source: OfSource = None,
    limit: Annotated[int, typer.Option(min=0, help="The maximum number of contacts; 0 for all.")] = 50,
    user: User = "local",
    as_json: Json = False,
) -> None:
    """Show the contacts, warmest first."""
    here = session(context)
    with here.stack() as stack:
        mailbox = mailbox_address(source)
        pages = read_contacts(stack.processor, check_user(user), source=mailbox, page=min(limit or PAGE, PAGE))
        found = list(islice(pages, limit or None))
        total = stack.processor.total(user, source=mailbox)
        waiting = list(unfinished(stack.processor.minings(user)))
    if as_json:
        here.terminal.show_json([record(contact) for contact in found])
        return
    if found:
        here.terminal.show_table(COLUMNS, map(_row, found))
    for sentence in (_footer(len(found), total, user, source), *waiting):
        here.terminal.tell(sentence)


def export(
    context: typer.Context,
    form: Annotated[Format, typer.Option("--format", help="The format of the export.")] = Format.CSV,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")] = None,
    source: OfSource = None,
    delimiter: Annotated[str, typer.Option(metavar="CHARACTER", help="The character between CSV cells.")] = ",",
    user: User = "local",
) -> None:
    """Export the contacts as CSV, vCard or JSON Lines.

    Writes to standard output, or to the file given with --output. The file appears only once it is complete.
    """
    here = session(context)
    try:
        delimiter = check_delimiter(delimiter)
    except ValueError as error:
        raise Misuse(f"--delimiter is invalid: {error}.") from None
    count = -1 if form is Format.CSV else 0
    with here.stack() as stack, opened_output(output) as write:
        found = read_contacts(stack.processor, check_user(user), source=mailbox_address(source))
        for piece in export_contacts(found, form, delimiter=delimiter):
            write(piece)
            count += 1
    if output is not None:
        here.terminal.tell(f"Wrote {count:,} contacts of user {user} to {output}.")


def erase(
    context: typer.Context,
    address: Annotated[str | None, typer.Argument(help="The contact to erase.", metavar="ADDRESS")] = None,
    user: Annotated[
        str | None,
        typer.Option("--user", "-u", help="The user who has the contact; without an ADDRESS, erase all of their data."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    as_json: Json = False,
) -> None:
    """Erase a contact or all of a user's data, and print a receipt.

    An erased contact does not come back with the next mining. Without an ADDRESS, erases all of the user's data.
    """
    here = session(context)
    if address is None and user is None:
        raise Misuse("Nothing to erase: give an ADDRESS, or --user USER to erase all data of that user.")
    if address is not None and "@" not in address:
        raise Misuse(f"{address!r} is not an email address: write it like jane@example.org.")
    owner = check_user("local" if user is None else user)
    what = f"all data of user {owner}" if address is None else f"the contact {address} of user {owner}"
    if not yes:
        _confirm(what)
    with here.stack() as stack:
        receipt = stack.processor.erase(owner, address=address)
    if as_json:
        here.terminal.show_json(receipt)
        return
    if address is not None and not receipt.get("contacts"):
        here.terminal.show(f"{address} was not a contact of user {owner}, and will not become one.")
        return
    here.terminal.show(f"Erased {what}.")
    for line in removed(receipt):
        here.terminal.show(line)


def _footer(shown: int, total: int, user: str, source: str | None) -> str:
    if not total:
        return f"User {user} has no contacts{f' from {source}' if source else ''} yet: run leadminer mine ADDRESS."
    return f"{number(shown)} of {number(total)}; --limit 0 shows all" if shown < total else plural(total, "contact")


def _confirm(what: str) -> None:
    if not sys.stdin.isatty():
        raise Misuse(f"There is no terminal to confirm on: add --yes to erase {what}.")
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
