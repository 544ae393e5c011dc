"""The commands for existing minings: status, report, cancel, retry."""

import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from fetcher.commands.reports import MINING_COLUMNS, mining_row, show_report
from fetcher.commands.session import Json, Session, User, session
from fetcher.commands.summary import unfinished
from fetcher.exits import Exit, Misuse
from fetcher.ports import ENDED, NotFound, check_user

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack

LOOK_SECONDS = 0.5
FETCHED = ENDED | {"processing", "refining", "teardown", "failing"}
MiningId = Annotated[str | None, typer.Argument(help="A mining's id, or its first characters.", metavar="MINING")]
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
        for sentence in unfinished(minings):
            here.terminal.tell(sentence)
    else:
        here.terminal.tell(f"User {user} has no minings yet: start one with leadminer mine.")


def report(context: typer.Context, mining: MiningId = None, user: User = "local", as_json: Json = False) -> None:
    """Show what happened to every message of a mining.

    Shows the ledger, how many addresses became contacts, and what was removed at the end. Without a MINING, shows the
    latest one. Exits with code 1 if the ledger of a finished mining does not balance.
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


def cancel(
    context: typer.Context,
    mining: MiningId = None,
    discard: Annotated[
        bool, typer.Option("--discard", help="Keep nothing of it. This also ends a mining that is stuck.")
    ] = False,
    user: User = "local",
    as_json: Json = False,
) -> None:
    """End a mining early and keep what it has stored.

    Stored messages still become contacts, and the next mining of the mailbox continues where this one stopped. A
    running leadminer mine stops within seconds, on Cloudflare within 20. If it was killed, this takes about a minute.
    With --discard, nothing of the mining counts, and the next one reads its messages again.
    """
    here = session(context)
    with here.stack() as stack:
        found = pick_mining(stack, check_user(user), mining, among=_unfinished)
        with _named(found, user):
            if discard:
                stack.processor.cancel(user, mining=found, discard=True)
            state = follow(here, stack, user, found, until=ENDED if stack.embedded else FETCHED)
    if as_json:
        here.terminal.show_json(state)
    elif state["state"] in ENDED:
        here.terminal.show(f"Mining {found} is {state['state']}. To see its ledger, run leadminer report {found[:8]}.")
    else:
        here.terminal.show(
            f"Mining {found} stopped reading and is processing what it stored. "
            "To see its progress, run leadminer status."
        )


def retry(context: typer.Context, mining: MiningId = None, user: User = "local", as_json: Json = False) -> None:
    """Retry messages that could not be processed.

    leadminer gives up on a segment, a group of messages, after several attempts. You can retry it until refining
    starts. After that, the next mining of the mailbox reads its messages again.
    """
    here = session(context)
    with here.stack() as stack:
        found = pick_mining(stack, check_user(user), mining, among=_unfinished)
        with _named(found, user):
            retried = stack.processor.retry(user, mining=found)
    if as_json:
        here.terminal.show_json({"id": found, "retried": retried})
    else:
        here.terminal.show(f"Sent {retried:,} segments of mining {found} again.")


def pick_mining(stack: "Stack", user: str, text: str | None, *, among: Callable[[Fields], bool]) -> str:
    """Return the id of the mining whose id starts with `text`; without a text, the newest for which `among` is true.

    Raises NotFound if there is none. Raises Misuse if several ids start with the text, or if the mining must be
    unfinished, several are, and the text is None.
    """
    if text is not None and _is_id(text):
        return text.lower()
    minings = stack.processor.minings(user)
    if not minings:
        raise NotFound(f"User {user} has no minings: start one with leadminer mine.")
    if text is None:
        found = [mining for mining in minings if among(mining)]
        if among is _unfinished and len(found) > 1:
            raise Misuse(f"User {user} has several unfinished minings: name one of {_ids(found)}.")
        found.sort(key=lambda mining: str(mining.get("begun_at") or ""), reverse=True)
    else:
        found = [mining for mining in minings if mining["id"].startswith(text.lower())]
        if len(found) > 1:
            raise Misuse(f"Several minings start with {text!r}: name one of {_ids(found)}.")
    if not found:
        raise _unknown(f"mining {text!r}" if text else "unfinished mining", user)
    return str(found[0]["id"])


def follow(here: Session, stack: "Stack", user: str, mining: str, *, until: Set[str]) -> Fields:
    """Cancel a mining repeatedly until it is in one of the states, and return its status.

    It has to ask repeatedly because the processor ends a dead fetcher's fetching only once its lease has expired.
    """
    with here.waiting("Processing the stored messages; after Ctrl-C, the next command continues"):
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
    return NotFound(f"User {user} has no {what}: run leadminer status to list the minings.")


def _unfinished(mining: Fields) -> bool:
    return mining["state"] not in ENDED


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _ids(minings: list[Fields]) -> str:
    return ", ".join(mining["id"] for mining in minings)
