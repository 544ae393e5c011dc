"""The commands for running the services: serve, stop, token, doctor."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from fetcher.commands.login_options import SOURCE_HELP, CaFile, PasswordFile, Plain, TokenText, make_connector
from fetcher.commands.session import Json, User, session
from fetcher.exits import Exit, Misconfigured
from fetcher.ports import check_user
from schemas.tokens import TokenScope, make_token

if TYPE_CHECKING:
    from fetcher.commands.doctor import Finding

DAY_SECONDS = 86_400
MOST_DAYS = 3650
LOCAL = "local"
"""The user of the command line, and of the link that `serve` prints."""


def serve(context: typer.Context) -> None:
    """Run the HTTP service for minings.

    Callers need SERVE_TOKEN, a user's token or a user's JWT. They can start, list, cancel and retry minings, read
    reports and export contacts. A mailbox password comes with the request that starts its mining and is kept only in
    memory. Ctrl-C or SIGTERM stops the service once the messages in flight are stored.
    """
    here = session(context)
    settings = here.settings()

    from fetcher.service.app import make_app, make_room
    from fetcher.service.entrance import make_doors, make_mailboxes
    from fetcher.service.listener import (
        address_of,
        open_socket,
        serve_until_stopped,
    )  # the web server is slow to import
    from fetcher.service.metrics import Metrics
    from fetcher.service.runs import Runs
    from fetcher.service.sessions import link_to

    doors, metrics = make_doors(settings), Metrics()
    with open_socket(settings.serve_listen) as listening, here.stack(mining=True) as stack:
        if here.terminal.err.is_terminal:
            here.terminal.tell(f"Listening on {address_of(listening)}. Press Ctrl-C to stop.")
            if settings.serve_page:
                link = link_to(settings.serve_url or address_of(listening), doors.sessions.link(LOCAL))
                here.terminal.tell(f"To sign in, open this link within ten minutes. It works once:\n{link}")
        runs = Runs(
            stack,
            claims=settings.claims,
            most=settings.serve_minings,
            waiting=settings.serve_waiting,
            mailboxes=make_mailboxes(settings, listening, metrics),
        )
        metrics.follow(runs)
        room = make_room(stack, runs)
        app = make_app(room, doors, pages=settings.serve_page, metrics=metrics)
        serve_until_stopped(app, runs, listening, on_stop=room.watches.stop)


def stop(context: typer.Context) -> None:
    """Stop the embedded servers now.

    They start with the first command that needs them, and keep running for LEADMINER_LINGER seconds (300 by default)
    after the last one, so that the next command is quick. Stopping them loses nothing.
    """
    from fetcher.bootstrap import stop_embedded

    here = session(context)
    with here.waiting("Stopping the embedded servers."):
        stopped = stop_embedded(here.settings())
    here.terminal.tell("The embedded servers are stopped." if stopped else "No embedded servers are running.")


Scopes = Annotated[
    list[TokenScope],
    typer.Option("--scope", help="What the token allows; give it several times for several scopes."),
]
Link = Annotated[bool, typer.Option("--link", help="Print a link that signs the user in to the pages, once.")]
Days = Annotated[int, typer.Option("--days", help="For how many days it is valid.", min=1, max=MOST_DAYS)]


def token(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user.", metavar="USER")],
    scopes: Scopes = [TokenScope.READ],  # noqa: B006 (typer reads the default and copies it)
    days: Days = 30,
    link: Link = False,
) -> None:
    """Print a user's token, or a link, for the HTTP APIs.

    The token gives access to this user's data only: `read` to see minings and contacts, `mine` to begin, cancel and
    retry minings, `erase` to erase contacts. It ends after --days, or when PROCESSOR_TOKEN is no longer accepted. With
    embedded servers, it opens `leadminer serve` alone, because their processor has a new token at each start.

    With --link, prints a link to the pages of `leadminer serve` instead. It works once, within ten minutes.
    """
    from fetcher.service.sessions import link_to, make_link, secret_of

    here = session(context)
    settings, user, now = here.settings(), check_user(user), time.time()
    if link:
        if not settings.serve_address:
            raise Misconfigured("SERVE_URL is not set: set it to the address at which people reach leadminer serve.")
        here.terminal.show(link_to(settings.serve_address, make_link(secret_of(settings), user, now=now)))
        return
    kept = settings.processor_token
    secret = kept.get_secret_value() if kept is not None else secret_of(settings)
    here.terminal.show(make_token(secret, user, scopes, now + days * DAY_SECONDS))


def doctor(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Argument(help=f"A mailbox to log in to: {SOURCE_HELP}", metavar="SOURCE")
    ] = None,
    password_file: PasswordFile = None,
    token_command: TokenText = None,
    ca_file: CaFile = None,
    plain: Plain = False,
    user: User = "local",
    as_json: Json = False,
) -> None:
    """Check the setup and suggest fixes.

    With a SOURCE, also logs in to that mailbox. Exits with code 1 if there is something to fix.
    """
    from fetcher.commands.doctor import (  # imports the servers' modules, which only this command needs
        examine,
        examine_source,
    )

    here = session(context)
    connector = None
    if source is not None:
        connector = make_connector(
            here, source, password_file=password_file, token_command=token_command, ca_file=ca_file, plain=plain
        )
    findings = []
    for finding in examine(check_user(user)):
        findings.append(finding)
        _tell(context, finding, as_json)
    if connector is not None:
        findings.append(examine_source(connector))
        _tell(context, findings[-1], as_json)
    if as_json:
        here.terminal.show_json([asdict(finding) | {"well": finding.well} for finding in findings])
    if not all(finding.well for finding in findings):
        raise typer.Exit(Exit.NOT_WELL)


def _tell(context: typer.Context, finding: "Finding", as_json: bool) -> None:
    terminal = session(context).terminal
    if as_json:
        return
    terminal.show(
        f"{'ok  ' if finding.well else 'FAIL'}  {finding.check:<10} {finding.text}", "" if finding.well else "red"
    )
    if finding.fix:
        terminal.show(f"      {'':<10} {finding.fix}")
