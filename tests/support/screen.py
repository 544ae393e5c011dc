"""What a person sees: a console of a given width, and the screen of a terminal emulator that shows what it wrote."""

import io
from collections.abc import Sequence

import pyte
from rich.console import Console

LINES = 60


class Screen:
    """A terminal of this width."""

    def __init__(self, width: int) -> None:
        """Show nothing yet."""
        self._written = io.StringIO()
        self.width = width
        self.console = Console(
            file=self._written, force_terminal=True, width=width, height=LINES, color_system=None, legacy_windows=False
        )

    def written(self) -> str:
        """Return all that was written, as plain text with the program's own line breaks."""
        return self._written.getvalue()

    def lines(self) -> Sequence[str]:
        """Return the lines that are on the screen now, without empty ones at its end."""
        screen = pyte.Screen(self.width, LINES)
        pyte.Stream(screen).feed(self._written.getvalue().replace("\n", "\r\n"))
        return "\n".join(line.rstrip() for line in screen.display).rstrip().split("\n")
