"""The commands about contacts: contacts, export."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from fetcher.commands.outputs import choose_format, confirm_replacing, opened_output
from fetcher.commands.selecting import InOrder, OfMining, OfSource, OfTag, Since, Wanted, Words
from fetcher.commands.session import Json, User, session
from fetcher.commands.summary import plural, unfinished
from fetcher.commands.terminal import Column, number
from fetcher.contacts.contact import Contact, record, tag_names
from fetcher.contacts.csv import check_delimiter
from fetcher.contacts.export import HEADED, Format, export_contacts
from fetcher.contacts.pages import PAGE, read_contacts
from fetcher.contacts.selection import Order
from fetcher.exits import Misuse
from fetcher.ports import check_user

COLUMNS = (
    Column("Temp", number=True),
    Column("Name", wraps=True),
    Column("Email", whole=True),
    Column("Messages", number=True),
    Column("Replies", number=True, spare=True),
    Column("Last"),
    Column("Tags", wraps=True, spare=True),
)


def contacts(
    context: typer.Context,
    words: Words = None,
    tag: OfTag = None,
    source: OfSource = None,
    since: Since = None,
    mining: OfMining = None,
    order: InOrder = Order.WARMTH,
    limit: Annotated[int, typer.Option(min=0, help="The maximum number of contacts; 0 for all.")] = 50,
    user: User = "local",
    as_json: Json = False,
) -> None:
    """Show the contacts, warmest first, or find some of them.

    leadminer contact ADDRESS shows everything about one of them.
    """
    here = session(context)
    wanted = Wanted(words or (), tag, source, since, mining, order)
    with here.stack() as stack, here.waiting("Reading the contacts."):
        selection = wanted.selection(stack, check_user(user))
        pages = read_contacts(stack.processor, user, selection=selection, page=min(limit or PAGE, PAGE))
        found = list(islice(pages, limit or None))
        total = stack.processor.total(user, selection=selection)
        waiting = list(unfinished(stack.processor.minings(user)))
    if as_json:
        here.terminal.show_json([record(contact) for contact in found])
        return
    if found:
        here.terminal.show_table(COLUMNS, map(_row, found))
    for sentence in (_footer(len(found), total, user, wanted), *waiting):
        here.terminal.tell(sentence)


def export(
    context: typer.Context,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="The format of the export; by default, what the file's suffix says, or CSV."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The file to write: .csv, .vcf or .jsonl.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace the file if it exists.")] = False,
    words: Words = None,
    tag: OfTag = None,
    source: OfSource = None,
    since: Since = None,
    mining: OfMining = None,
    order: InOrder = Order.WARMTH,
    delimiter: Annotated[str, typer.Option(metavar="CHARACTER", help="The character between CSV cells.")] = ",",
    user: User = "local",
) -> None:
    """Export the contacts, or some of them, as CSV, vCard 4.0 or 3.0, Google's CSV or JSON Lines.

    Writes to standard output, or to the file given with --output. The file appears only once it is complete. Asks
    before it replaces a file.
    """
    here = session(context)
    try:
        delimiter = check_delimiter(delimiter)
    except ValueError as error:
        raise Misuse(f"--delimiter is invalid: {error}.") from None
    chosen = choose_format(output, form)
    wanted = Wanted(words or (), tag, source, since, mining, order)
    check_user(user)
    if not force:
        confirm_replacing(output)
    count = -1 if chosen in HEADED else 0
    to_file = output is not None and str(output) != "-"
    with here.stack() as stack, opened_output(output) as write, here.waiting("Exporting." if to_file else "") as say:
        found = read_contacts(stack.processor, user, selection=wanted.selection(stack, user))
        for piece in export_contacts(found, chosen, delimiter=delimiter):
            write(piece)
            count += 1
            if count % PAGE == 0:
                say(f"Exported {plural(count, 'contact')}.")
    where = f" to {output}" if output is not None else ""
    if not count:
        here.terminal.tell(f"User {user} has no contacts{wanted.describe()}: wrote 0 contacts{where}.")
    elif output is not None:
        here.terminal.tell(f"Wrote {plural(count, 'contact')} of user {user}{where}.")


def _footer(shown: int, total: int, user: str, wanted: Wanted) -> str:
    if total:
        return f"{number(shown)} of {number(total)}; --limit 0 shows all" if shown < total else plural(total, "contact")
    narrowed = wanted.describe()
    return f"User {user} has no contacts{narrowed or ' yet: run leadminer mine ADDRESS'}."


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
