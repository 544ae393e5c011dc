"""The command `mine`: from a mailbox's name to its account."""

import shlex
from dataclasses import asdict, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fetcher.commands.interruption import gentle_stop
from fetcher.commands.login_options import CaFile, PasswordFile, Plain, TokenText, make_connector
from fetcher.commands.reports import is_sound, show_report
from fetcher.commands.session import Json, Session, User, session
from fetcher.commands.terminal import number
from fetcher.exits import Exit
from fetcher.imap.source import EXAMPLE, Source
from fetcher.ports import check_user
from schemas.ledger import Ledger
from schemas.scope import Scope

if TYPE_CHECKING:
    from fetcher.imap.connection import Connector
    from fetcher.mining.outcome import MiningRequest, Outcome, Progress


NEXT = "leadminer contacts shows the contacts; leadminer export --output contacts.csv writes them to a file."


def day(text: str) -> str:
    """Return a date as it was written; raise BadParameter where it is none."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date: write it as 2026-01-31.") from None


def mine(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help=f"The mailbox, such as {EXAMPLE}", metavar="SOURCE")],
    folder: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER", help="Read this folder; repeat it for more. Else all but drafts, junk, trash and outbox."
        ),
    ] = None,
    scope: Annotated[Scope | None, typer.Option(help="How much of each message to read; text at first.")] = None,
    since: Annotated[str | None, typer.Option(parser=day, metavar="DATE", help="Only mail received since.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read again what earlier minings have read.")] = False,
    me: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Another address of your own; repeatable.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", parser=day, metavar="DATE", help="Count recency from this day, not today.")
    ] = None,
    user: User = "local",
    password_file: PasswordFile = None,
    token_command: TokenText = None,
    ca_file: CaFile = None,
    plain: Plain = False,
    connections: Annotated[
        int | None,
        typer.Option(min=1, max=16, metavar="N", help="IMAP connections, 1 to 16; at first 2 on this machine, else 4."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read a mailbox and keep a contact for everyone in it.

    An unfinished mining of the same mailbox is resumed, and mail that was read before is not read again. The password
    is asked for on the terminal, unless --password-file, --token-command or IMAP_PASSWORD say otherwise.
    """
    here = session(context)
    asked = Source.parse(source)
    check_user(user)
    here.settings()
    connector = make_connector(
        here, asked, password_file=password_file, token_command=token_command, ca_file=ca_file, plain=plain
    )

    from fetcher.mining.outcome import MiningRequest

    request = MiningRequest(
        user=user,
        source=asked,
        me=tuple(me) if me else None,
        folders=tuple(folder) if folder else None,
        since=since,
        scope=scope,
        as_of=as_of,
        full=full or None,
        connections=connections,
    )
    try:
        outcome = run_mining(here, request, connector)
    except KeyboardInterrupt:
        _say_how_to_resume(here, "Stopped at once")
        raise typer.Exit(Exit.STOPPED) from None
    raise typer.Exit(_conclude(here, outcome, as_json=as_json))


def run_mining(here: Session, request: "MiningRequest", connector: "Connector") -> "Outcome":
    """Mine on the stack that the settings name, and show how far it is; Ctrl-C once ends it in good order."""
    from fetcher.commands.progress import shown
    from fetcher.imap.mailbox import Mailbox
    from fetcher.mining.claims import claim_source
    from fetcher.mining.mine import mine as mine_mailbox

    with (
        claim_source(here.settings().claims, user=request.user, source=request.source.name) as holder,
        gentle_stop() as interruption,
        here.stack() as stack,
        shown(here.terminal, interruption.asked) as watch,
    ):
        return mine_mailbox(
            replace(request, holder=holder),
            connect=partial(Mailbox, connector),
            raw_store=stack.raw_store,
            queue=stack.queue,
            processor=stack.processor,
            watch=watch,
            stop=interruption.asked,
        )


def _conclude(here: Session, outcome: "Outcome", *, as_json: bool) -> Exit:
    if as_json:
        here.terminal.show_json(asdict(outcome))
    elif outcome.finished:
        show_report(here.terminal, {"id": outcome.mining, **asdict(outcome)})
        if here.terminal.err.is_terminal:
            here.terminal.tell(NEXT, "dim")
    if not outcome.finished:
        _say_how_to_resume(here, _stopped(outcome.progress))
        return Exit.INTERRUPTED
    if outcome.state == "erased":
        here.terminal.tell("The user was erased while this mining ran: nothing of it was kept.")
        return Exit.UNKNOWN
    if not is_sound(Ledger.from_json(outcome.ledger or {})):
        return Exit.NOT_WELL
    return Exit.INTERRUPTED if outcome.progress.cancelled else Exit.OK


def _stopped(progress: "Progress") -> str:
    if progress.listed is None:
        return "Stopped before the messages were listed"
    return f"Stopped with {number(progress.fetched)} of {number(progress.listed)} messages stored"


def _say_how_to_resume(here: Session, what: str) -> None:
    here.terminal.tell(f"{what}; nothing is lost. To go on, run the same command again:")
    here.terminal.tell(f"  {shlex.join(['leadminer', *here.arguments])}")
