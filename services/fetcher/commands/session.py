"""One run of the command line: its terminal, its password, and the way to the stack."""

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
User = Annotated[str, typer.Option("--user", "-u", help="Whose minings and contacts.", metavar="USER")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, for other programs.")]


@dataclass(slots=True)
class Session:
    """What every command gets: `arguments` as they were typed, `password` as IMAP_PASSWORD held it."""

    arguments: Sequence[str] = ()
    terminal: Terminal = field(default_factory=Terminal)
    password: str | None = field(default=None, repr=False)

    def settings(self) -> "Settings":
        """Read the settings; raise WrongSettings."""
        from fetcher.settings import read_settings  # pydantic takes longer to import than `--version` to answer

        return read_settings()

    @contextmanager
    def stack(self) -> Iterator["Stack"]:
        """Give the stack that the settings name, and stop what was started for it."""
        from fetcher.bootstrap import open_stack  # the adapters' libraries are slow to import, too

        settings = self.settings()
        with ExitStack() as opened:
            with self.waiting("Starting the embedded servers." if settings.embedded else "") as say:
                stack = opened.enter_context(open_stack(settings, notice=say))
            yield stack

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show on a terminal, and only there, what is waited for; what is given says it anew."""
        if not text or not self.terminal.err.is_terminal:
            yield lambda _: None
            return
        with self.terminal.err.status(text) as shown:
            yield shown.update


def session(context: typer.Context) -> Session:
    """Return the session that a command runs in."""
    found = context.obj
    assert isinstance(found, Session)  # noqa: S101 - `cli.run` puts it there
    return found
