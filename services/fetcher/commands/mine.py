"""The command `mine`: mines a mailbox and shows the result."""

import shlex
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fetcher.commands.days import day
from fetcher.commands.failures import failure_lines
from fetcher.commands.interruption import OutOfTime, gentle_stop
from fetcher.commands.login_options import SOURCE_HELP, CaFile, PasswordFile, Plain, TokenText, make_connector
from fetcher.commands.reports import is_sound, show_report
from fetcher.commands.session import Json, Session, User, session
from fetcher.commands.summary import Standing, read_standing, summarize
from fetcher.commands.terminal import number
from fetcher.exits import Exit
from fetcher.ports import ENDED, check_user
from schemas.ledger import Ledger
from schemas.scope import Scope

if TYPE_CHECKING:
    from fetcher.imap.connection import Connector
    from fetcher.mining.outcome import MiningRequest, Outcome, Progress


OWN_RENEW_SECONDS = 2.0
"""How often to renew the lease on your own servers, where it costs nothing, so that a cancellation is heard soon."""
FAILED = (
    "This mining could not be completed, and nothing of it counts. Run the same command to read the messages again; "
    "if that fails too, docs/operations.md says what the reason in the report means."
)
NEXT = "Next: leadminer contacts{user} · leadminer export{user}"


def mine(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help=f"The mailbox: {SOURCE_HELP}", metavar="SOURCE")],
    folder: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER",
            help="Read only this folder; repeatable. By default, reads every folder except Drafts, Junk, Trash and "
            "Outbox. If there is an All Mail folder, as in Gmail, it reads only that one.",
        ),
    ] = None,
    scope: Annotated[Scope | None, typer.Option(help="How much of each message to read; text by default.")] = None,
    since: Annotated[
        str | None, typer.Option(parser=day, metavar="DATE", help="Read only mail received on or after this day.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Also read messages that an earlier mining read.")] = False,
    me: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Another address of yours; repeatable.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", parser=day, metavar="DATE", help="Measure recency from this day instead of today."),
    ] = None,
    user: User = "local",
    password_file: PasswordFile = None,
    token_command: TokenText = None,
    ca_file: CaFile = None,
    plain: Plain = False,
    connections: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=16,
            metavar="N",
            help="The number of IMAP connections, 1 to 16; by default 4, or 2 if the server is on this machine.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also show what happened to every message, and what was removed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Mine a mailbox and save a contact for everyone in it.

    Resumes an unfinished mining of the same mailbox, and skips messages that an earlier mining read. Asks for the
    password on the terminal unless you use --password-file, --token-command or IMAP_PASSWORD.
    """
    here = session(context)
    check_user(user)
    here.settings()
    connector = make_connector(
        here, source, password_file=password_file, token_command=token_command, ca_file=ca_file, plain=plain
    )

    from fetcher.mining.outcome import MiningRequest

    request = MiningRequest(
        user=user,
        source=connector.source,
        me=tuple(me) if me else None,
        folders=tuple(folder) if folder else None,
        since=since,
        scope=scope,
        as_of=as_of,
        full=full or None,
        connections=connections,
    )
    try:
        outcome, standing = run_mining(here, request, connector)
    except KeyboardInterrupt:
        _say_how_to_resume(here, "Stopped immediately")
        raise typer.Exit(Exit.STOPPED) from None
    raise typer.Exit(conclude(here, outcome, standing, user=user, verbose=verbose, as_json=as_json))


def run_mining(here: Session, request: "MiningRequest", connector: "Connector") -> tuple["Outcome", Standing | None]:
    """Mine on the configured stack and show the progress; the first Ctrl-C or SIGTERM stops it within seconds."""
    from fetcher.commands.progress import Latest, shown
    from fetcher.commands.starting import starting_stack
    from fetcher.imap.mailbox import Mailbox
    from fetcher.imap.patience import insist
    from fetcher.mining.claims import claim_source
    from fetcher.mining.mine import mine as mine_mailbox
    from fetcher.mining.outcome import Outcome, Pace

    pace = Pace() if here.settings().storage_mode == "cloudflare" else Pace(renew_seconds=OWN_RENEW_SECONDS)
    with (
        claim_source(here.settings().claims, user=request.user, source=request.source.name) as holder,
        gentle_stop() as interruption,
        starting_stack(here) as (stack, start),
        shown(here.terminal, interruption.asked) as show,
        closing(Latest(request.id, show)) as latest,
    ):

        def connect() -> Mailbox:
            mailbox = Mailbox(connector)
            start()  # not for a mailbox that cannot be opened
            return mailbox

        act = partial(
            mine_mailbox,
            replace(request, holder=holder),
            connect=connect,
            raw_store=stack.raw_store,
            queue=stack.queue,
            processor=stack.processor,
            watch=latest.watch,
            stop=interruption.asked,
            pace=pace,
        )
        try:
            outcome = interruption.run(act)
        except OutOfTime:
            reached = latest.progress
            return Outcome(reached.mining, False, reached.resumed, reached.state, reached), None
        read = partial(read_standing, stack, request, outcome)
        return outcome, insist(read, halt=interruption.asked, patience_seconds=pace.patience_seconds)


def conclude(
    here: Session, outcome: "Outcome", standing: Standing | None, *, user: str, verbose: bool, as_json: bool
) -> Exit:
    """Show how a mining ended, and return the exit code.

    The report on every message is part of it with `verbose`, or if something is missing.
    """
    ended = outcome.state in ENDED
    ledger = Ledger.from_json(outcome.ledger or {})
    if as_json:
        here.terminal.show_json(asdict(outcome))
    elif standing is not None:
        here.terminal.show(summarize(ledger, standing), "bold")
        if verbose or outcome.progress.cancelled or not is_sound(ledger):
            show_report(here.terminal, {"id": outcome.mining, **asdict(outcome)})
        if outcome.perhaps_own:
            here.terminal.tell(_ask_about(outcome.perhaps_own))
        for line in failure_lines(outcome.failures):
            here.terminal.tell(line)
        if here.terminal.err.is_terminal:
            here.terminal.tell(NEXT.format(user="" if user == "local" else f" --user {shlex.quote(user)}"), "dim")
    if not ended:
        _say_how_to_resume(here, _stopped(outcome.progress))
        return Exit.INTERRUPTED
    if outcome.state == "erased":
        here.terminal.tell(f"All data of this user was erased during mining {outcome.mining}, so it kept no contacts.")
        return Exit.UNKNOWN
    if outcome.state == "failed":
        if not as_json:
            show_report(here.terminal, {"id": outcome.mining, **asdict(outcome)})
        here.terminal.tell(FAILED)
        return Exit.NOT_WELL
    if ledger.incomplete and not ledger.imbalance():
        _say_how_to_resume(here, "The mail server did not give everything for now")
        return Exit.INTERRUPTED
    if not is_sound(ledger):
        return Exit.NOT_WELL
    return Exit.INTERRUPTED if outcome.progress.cancelled else Exit.OK


def _ask_about(addresses: Sequence[str]) -> str:
    """Ask whether addresses that wrote from the Sent folder are the user's, and say how to declare them."""
    verb = "Is" if len(addresses) == 1 else "Are"
    options = " ".join(f"--me {shlex.quote(address)}" for address in addresses)
    return f"{verb} {' and '.join(addresses)} yours too? Mine again with {options} to leave them out of your contacts."


def _stopped(progress: "Progress") -> str:
    if progress.listed is None:
        return "Stopped before the messages were listed"
    return f"Stopped after storing {number(progress.fetched)} of {number(progress.listed)} messages"


def _say_how_to_resume(here: Session, what: str) -> None:
    here.terminal.tell(f"{what}. Nothing is lost. To read the rest, run the same command again:")
    here.terminal.tell(f"  {shlex.join(['leadminer', *here.arguments])}")
