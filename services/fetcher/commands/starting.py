"""How a mining starts: it logs in first, and the servers start while it looks at the mailbox."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from threading import Lock, Thread
from typing import Any

from fetcher.bootstrap import Late, Stack, open_stack
from fetcher.commands.session import Session

END_SECONDS = 2.0
"""How long the end of a command waits for a start that is under way. It then goes on without us."""


@contextmanager
def starting_stack(here: Session) -> Iterator[tuple[Stack, Callable[[], None]]]:
    """Yield the stack for a mining, which is not started yet, and the function that starts it without waiting.

    Who first uses a part of the stack waits for the start. If that fails, it raises what `open_stack` raises.
    """
    settings = here.settings()
    started: Future[Stack] = Future()
    once = Lock()
    with ExitStack() as opened:

        def fulfill() -> None:
            try:
                started.set_result(opened.enter_context(open_stack(settings, mining=True)))
            except BaseException as error:
                started.set_exception(error)

        def start() -> None:
            if once.acquire(blocking=False):
                Thread(target=fulfill, name="starting", daemon=True).start()

        def late(part: str) -> Any:
            return Late(lambda: getattr(started.result(), part))

        try:
            yield Stack(late("raw_store"), late("queue"), late("processor"), settings.embedded), start
        finally:
            if once.locked():
                wait([started], END_SECONDS)
