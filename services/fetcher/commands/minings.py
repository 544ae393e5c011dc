"""The commands about minings that have begun: status, report, cancel, retry."""

import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from fetcher.commands.reports import MINING_COLUMNS, mining_row, show_report
from fetcher.commands.session import Json, Session, User, session
from fetcher.exits import Exit, Misuse
from fetcher.ports import ENDED, NotFound, check_user

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack

LOOK_SECONDS = 0.5
FETCHED = ENDED | {"processing", "refining", "teardown"}
MiningId = Annotated[str | None, typer.Argument(help="A mining's id, or how it begins.", metavar="MINING")]
Fields = dict[str, Any]


def status(context: typer.Context, user: User = "local", as_json: Json = False) -> None:
    """List the user's minings, unfinished ones first."""
    here = session(context)
    with here.stack() as stack:
        minings = stack.processor.minings(check_user(user))
    if as_json:
        here.terminal.show_json(minings)
    elif minings:
        short = here.terminal.out.is_terminal
        here.terminal.show_table(MINING_COLUMNS, (mining_row(mining, short=short) for mining in minings))
    else:
        here.terminal.tell(f"There is no mining of user {user} yet: begin one with leadminer mine.")


def report(context: typer.Context, mining: MiningId = None, user: User = "local", as_json: Json = False) -> None:
    """Show what became of every message of a mining.

    That is its ledger, its addresses by verdict and what was removed at its end: of the latest mining, unless one is
    named. Ends with exit code 1 where a finished mining's ledger does not balance.
    """
    here = session(context)
    with here.stack() as stack:
        found = pick_mining(stack, check_user(user), mining, among=lambda _: True)
        with _named(found, user):
            account = stack.processor.report(user, mining=found)
    if as_json:
        here.terminal.show_json(account)
    else:
        show_report(here.terminal, account)
    if account["state"] in ENDED and not account["balanced"]:
        raise typer.Exit(Exit.NOT_WELL)


def cancel(context: typer.Context, mining: MiningId = None, user: User = "local", as_json: Json = False) -> None:
    """End a mining early, with what is stored by now.

    What is stored is still counted and refined; the next mining of the source goes on where this one stopped. A
    fetcher that runs stops within seconds; where none does, its lease has to run out, which takes ten.
    """
    here = session(context)
    with here.stack() as stack:
        found = pick_mining(stack, check_user(user), mining, among=_unfinished)
        with _named(found, user):
            state = follow(here, stack, user, found, until=ENDED if stack.embedded else FETCHED)
    if as_json:
        here.terminal.show_json(state)
    elif state["state"] in ENDED:
        here.terminal.show(f"Mining {found} is {state['state']}: leadminer report {found[:8]} shows its ledger.")
    else:
        here.terminal.show(f"Mining {found} will end with what is stored: leadminer status shows how far it is.")


def retry(context: typer.Context, mining: MiningId = None, user: User = "local", as_json: Json = False) -> None:
    """Send again what was given up.

    Segments are given up after some tries. They can be sent again until refining begins; after that, the next mining
    of the source fetches their messages again.
    """
    here = session(context)
    with here.stack() as stack:
        found = pick_mining(stack, check_user(user), mining, among=_unfinished)
        with _named(found, user):
            retried = stack.processor.retry(user, mining=found)
    if as_json:
        here.terminal.show_json({"id": found, "retried": retried})
    else:
        here.terminal.show(f"{retried:,} segments of mining {found} were sent again.")


def pick_mining(stack: "Stack", user: str, text: str | None, *, among: Callable[[Fields], bool]) -> str:
    """Return the id that `text` names or begins; without a text, the newest of those that `among` holds for.

    Raises NotFound where there is none, and Misuse where several begin with the text, or where several are unfinished
    and none is named.
    """
    if text is not None and _is_id(text):
        return text.lower()
    minings = stack.processor.minings(user)
    if not minings:
        raise NotFound(f"There is no mining of user {user}: begin one with leadminer mine.")
    if text is None:
        found = [mining for mining in minings if among(mining)]
        if among is _unfinished and len(found) > 1:
            raise Misuse(f"User {user} has several unfinished minings: name one of {_ids(found)}.")
        found.sort(key=lambda mining: str(mining.get("begun_at") or ""), reverse=True)
    else:
        found = [mining for mining in minings if mining["id"].startswith(text.lower())]
        if len(found) > 1:
            raise Misuse(f"Several minings begin with {text!r}: name one of {_ids(found)}.")
    if not found:
        raise _unknown(f"mining {text!r}" if text else "unfinished mining", user)
    return str(found[0]["id"])


def follow(here: Session, stack: "Stack", user: str, mining: str, *, until: Set[str]) -> Fields:
    """Cancel a mining until it is in one of the states, and return its status.

    It is asked for again and again, since the processor ends the fetching itself once a dead fetcher's lease is over.
    """
    with here.waiting("Waiting for what is stored; Ctrl-C leaves that to the next command"):
        while (state := stack.processor.cancel(user, mining=mining))["state"] not in until:
            time.sleep(LOOK_SECONDS)
    return state


@contextmanager
def _named(mining: str, user: str) -> Iterator[None]:
    try:
        yield
    except NotFound:
        raise _unknown(f"mining {mining!r}", user) from None


def _unknown(what: str, user: str) -> NotFound:
    return NotFound(f"There is no {what} of user {user}: leadminer status lists what there is.")


def _unfinished(mining: Fields) -> bool:
    return mining["state"] not in ENDED


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _ids(minings: list[Fields]) -> str:
    return ", ".join(mining["id"] for mining in minings)
