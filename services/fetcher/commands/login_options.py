"""The mailbox and login options shared by `mine` and `doctor`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fetcher.commands.session import Session
from fetcher.exits import Misuse
from fetcher.imap.source import EXAMPLE

if TYPE_CHECKING:
    from fetcher.imap.connection import Connector
    from fetcher.imap.discovery import Found

SOURCE_HELP = f"an email address, or a URL such as {EXAMPLE}"
PasswordFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Read the password from this file's first line; - for stdin.")
]
TokenText = Annotated[
    str | None, typer.Option("--token-command", metavar="COMMAND", help="Run this command to get a fresh OAuth token.")
]
CaFile = Annotated[
    Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Trust these certificates too (PEM).")
]
Plain = Annotated[bool, typer.Option("--plain", help="Allow an unencrypted connection to another machine.")]


def make_connector(
    here: Session,
    text: str,
    *,
    password_file: Path | None,
    token_command: str | None,
    ca_file: Path | None,
    plain: bool,
) -> "Connector":
    """Return the connector for the mailbox that the text names; ask for the password if no option gives it.

    Says what the provider accepts before the password is asked for. Raises Misuse if it accepts no passwords.
    """
    from fetcher.commands.passwords import find_credentials
    from fetcher.imap.connection import Connector  # imapclient is slow to import
    from fetcher.imap.discovery import find_mailbox

    with here.waiting("Looking for the mail server."):
        found = find_mailbox(text, ca_file=ca_file)
    if "://" not in text:
        confirm_server(here, found)
    if token_command is None:
        _say_what_is_accepted(here, found, asks=password_file is None and here.password is None)
    credentials = find_credentials(
        found.source, taken=here.password, password_file=password_file, token_command=token_command
    )
    return Connector(found.source, credentials, ca_file=ca_file, plain=plain)


def confirm_server(here: Session, found: "Found") -> None:
    """Say which server was found; if only DNS vouches for it, ask, or raise Misuse if there is no terminal."""
    source = found.source
    here.terminal.tell(f"The mail server is {source.place}{f' ({found.provider.name})' if found.provider else ''}.")
    if not found.elsewhere:
        return
    url = f"imaps://{source.name}"
    if not sys.stdin.isatty():
        raise Misuse(
            f"Only DNS says that {source.host} is the mail server of {source.address}: if you trust it, name it: {url}"
        )
    typer.confirm(f"Only DNS says so. Send the password of {source.address} to {source.host}?", abort=True, err=True)


def _say_what_is_accepted(here: Session, found: "Found", *, asks: bool) -> None:
    provider = found.provider
    if provider is None:
        return
    if provider.oauth_only:
        raise Misuse(
            f"{provider.name} accepts only {provider.accepts} over IMAP, no passwords: add --token-command with a "
            f"command that prints a token, such as: oama access {found.source.address}"
        )
    if asks and provider.advice:
        here.terminal.tell(provider.advice)
