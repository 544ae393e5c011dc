"""The login options shared by `mine` and `doctor`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fetcher.commands.session import Session
from fetcher.imap.source import Source

if TYPE_CHECKING:
    from fetcher.imap.connection import Connector

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
    source: Source,
    *,
    password_file: Path | None,
    token_command: str | None,
    ca_file: Path | None,
    plain: bool,
) -> "Connector":
    """Return the connector for the source; ask for the password on the terminal if no option gives it."""
    from fetcher.commands.passwords import find_credentials
    from fetcher.imap.connection import Connector  # imapclient is slow to import

    credentials = find_credentials(
        source, taken=here.password, password_file=password_file, token_command=token_command
    )
    return Connector(source, credentials, ca_file=ca_file, plain=plain)
