"""The command `erase`: forgets a contact or a user, lists what must not come back, and takes that back."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fetcher.commands.reports import removed
from fetcher.commands.session import Json, Session, User, session
from fetcher.commands.summary import plural
from fetcher.exits import Exit, Misuse
from fetcher.ports import check_user

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack


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

    An erased contact does not come back with the next mining, unless leadminer allow takes that back. Without an
    ADDRESS, erases all of the user's data.
    """
    here = session(context)
    if address is None and user is None:
        raise Misuse("Nothing to erase: give an ADDRESS, or --user USER to erase all data of that user.")
    if address is not None:
        _check(address)
    owner = check_user("local" if user is None else user)
    if not (yes or sys.stdin.isatty()):
        raise Misuse(f"There is no terminal to confirm on: add --yes to erase {_what(address, owner)}.")
    with here.stack() as stack:
        if not yes:
            _confirm(stack, owner, address)
        with here.waiting("Erasing."):
            receipt = stack.processor.erase(owner, address=address)
    if as_json:
        here.terminal.show_json(receipt)
        return
    if address is not None and not receipt.get("contacts"):
        here.terminal.show(f"{address} was not a contact of user {owner}, and will not become one.")
        return
    here.terminal.show(f"Erased {_what(address, owner)}.")
    for line in removed(receipt):
        here.terminal.show(line)


def allow(
    context: typer.Context,
    address: Annotated[str | None, typer.Argument(help="The address to allow again.", metavar="ADDRESS")] = None,
    user: User = "local",
    as_json: Json = False,
) -> None:
    """Let an erased address become a contact again.

    It becomes one with the next new mail; what was erased does not come back. Without an ADDRESS, shows how many
    addresses are kept out. leadminer stores only a hash of each, so it cannot name them.
    """
    here = session(context)
    check_user(user)
    if address is None:
        _list_kept_out(here, user, as_json=as_json)
        return
    _check(address)
    with here.stack() as stack:
        allowed = stack.processor.allow(user, address=address)
    if as_json:
        here.terminal.show_json({"address": address, "allowed": allowed})
    elif allowed:
        here.terminal.show(f"{address} can become a contact of user {user} again, with the next new mail.")
    else:
        here.terminal.show(f"{address} was not kept out of the contacts of user {user}.")


def _list_kept_out(here: Session, user: str, *, as_json: bool) -> None:
    with here.stack() as stack:
        hashes = stack.processor.suppressions(user)
    if as_json:
        here.terminal.show_json(hashes)
        return
    here.terminal.show(f"{plural(len(hashes), 'erased address')} cannot become contacts of user {user} again.")
    for each in hashes:
        here.terminal.show(f"  {each}")


def _check(address: str) -> None:
    if "@" not in address:
        raise Misuse(f"{address!r} is not an email address: write it like jane@example.org.")


def _what(address: str | None, owner: str) -> str:
    return f"all data of user {owner}" if address is None else f"the contact {address} of user {owner}"


def _confirm(stack: "Stack", owner: str, address: str | None) -> None:
    """Ask whether to erase, and say so if the address is not a contact, because it may be mistyped."""
    if address is None:
        question = f"Erase {_what(address, owner)}? This cannot be undone."
    elif stack.processor.address(owner, address=address)["contact"]:
        question = f"Erase {_what(address, owner)}? Their data is lost, and they do not come back."
    else:
        question = f"{address} is not a contact of user {owner}. Keep this address from becoming one?"
    if not typer.confirm(question, err=True):
        raise typer.Exit(Exit.NOT_WELL)
