"""One mining in its own process, as the command line runs it; prints its seconds and counts as JSON.

usage: python -m bench.fetch URL PASSWORD_FILE USER [SCOPE]
"""

import json
import sys
import threading
import time
from functools import partial
from pathlib import Path

import fetcher.adapters.redis
import fetcher.commands.cli  # the command line's own imports take memory, but not the mining's time
from fetcher.bootstrap import open_stack
from fetcher.imap.connection import Connector, Credentials
from fetcher.imap.mailbox import Mailbox
from fetcher.imap.source import Source
from fetcher.mining.mine import mine
from fetcher.mining.outcome import MiningRequest, Progress
from fetcher.settings import read_settings


def main(url: str, password_file: str, user: str, scope: str | None = None) -> None:
    """Mine and print."""
    source = Source.parse(url)
    states: dict[str, float] = {}

    def watch(progress: Progress) -> None:
        states.setdefault(progress.state, time.perf_counter() - began)

    connector = Connector(source, Credentials(Path(password_file).read_text().strip()))
    with open_stack(read_settings(), mining=True) as stack:
        began = time.perf_counter()
        outcome = mine(
            MiningRequest(user=user, source=source, scope=scope, as_of="2026-01-31", holder="bench"),
            connect=partial(Mailbox, connector),
            raw_store=stack.raw_store,
            queue=stack.queue,
            processor=stack.processor,
            watch=watch,
            stop=threading.Event(),
        )
        seconds = time.perf_counter() - began
    said = {"seconds": seconds, "finished": outcome.finished, "ledger": outcome.ledger, "states": states}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    assert fetcher.commands.cli
    assert fetcher.adapters.redis
    main(*sys.argv[1:])
