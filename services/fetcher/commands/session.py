"""One run of the command line: its terminal, its password, and access to the stack."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from fetcher.commands.terminal import Terminal

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack
    from fetcher.settings import Settings

PASSWORD_VARIABLE = "IMAP_PASSWORD"  # noqa: S105 - a name, not a password
User = Annotated[str, typer.Option("--user", "-u", help="The user who owns the minings and contacts.", metavar="USER")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(slots=True)
class Session:
    """What every command gets: `arguments` as typed, and `password` from IMAP_PASSWORD."""

    arguments: Sequence[str] = ()
    terminal: Terminal = field(default_factory=Terminal)
    password: str | None = field(default=None, repr=False)
    warned: bool = False

    def settings(self) -> "Settings":
        """Read the settings, and warn of unknown ones the first time; raise WrongSettings."""
        from fetcher.settings import read_settings, unknown_settings  # pydantic takes longer than all of `--version`

        for sentence in () if self.warned else unknown_settings(os.environ):
            self.terminal.tell(f"leadminer: {sentence}", "yellow")
        self.warned = True
        return read_settings()

    @contextmanager
    def stack(self, *, mining: bool = False) -> Iterator["Stack"]:
        """Yield the stack that the settings describe; `mining` starts all embedded processors, not only one."""
        from fetcher.bootstrap import open_stack  # importing it takes a while

        settings = self.settings()
        with ExitStack() as opened:
            with self.waiting("Starting the embedded servers." if settings.embedded else "") as say:
                stack = opened.enter_context(open_stack(settings, mining=mining, notice=say))
            yield stack

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show what we wait for, only on a terminal; the yielded function replaces the text."""
        if not text or not self.terminal.err.is_terminal:
            yield lambda _: None
            return
        with self.terminal.err.status(text) as shown:
            yield shown.update


def session(context: typer.Context) -> Session:
    """Return the session in which a command runs."""
    found = context.obj
    assert isinstance(found, Session)  # noqa: S101 - `cli.run` sets it
    return found
