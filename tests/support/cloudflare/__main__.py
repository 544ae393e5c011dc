"""`make cloudflare`: the Cloudflare mode on one's own machine, without an account; it mines the demo's mailbox."""

import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.people import OWNER
from demo.run import _imap_server
from demo.scenes import REFERENCE
from fetcher.bootstrap import Stack
from fetcher.child import EmbeddedError
from fetcher.cli import app
from fetcher.session import Session
from fetcher.settings import Settings
from infra.packaging import bundle_worker
from infra.vendored import VendoringFailed, vendor
from tests.support.cloudflare.deployment import CHECKOUT, Deployment
from tests.support.cloudflare.packages import PiecesMissing, fetch_pieces
from tests.support.mode import CloudflareMode
from tests.support.servers import Postgres


@dataclass(slots=True)
class LocalSession(Session):
    """A run of the command line whose stack is the local Cloudflare."""

    mode: CloudflareMode | None = None
    home: Path = Path()

    def settings(self) -> Settings:
        """Return settings that name nothing but a folder for claims."""
        return Settings.model_validate({"LEADMINER_HOME": self.home})

    @contextmanager
    def stack(self) -> Iterator[Stack]:
        """Give the local Cloudflare."""
        assert self.mode is not None
        yield Stack(self.mode.raw_store, self.mode.queue, self.mode.client, embedded=False)


def main() -> int:
    """Start everything, mine, show what was found, and stop everything; return the exit code."""
    try:
        pieces, sdk = fetch_pieces(), vendor(CHECKOUT / "requirements" / "worker.lock")
        say("Starting workerd with the Worker, D1, R2 and a queue, and PostgreSQL behind a stand-in for Supabase.")
        with (
            tempfile.TemporaryDirectory(prefix="lm-cloudflare-") as folder,
            Postgres() as postgres,
            Deployment(pieces, bundle_worker(CHECKOUT, sdk), postgres) as deployment,
            CloudflareMode(deployment) as mode,
        ):
            return play(mode, Path(folder))
    except (PiecesMissing, VendoringFailed, EmbeddedError) as error:
        sys.stderr.write(f"{error}\n")
        return 8


def play(mode: CloudflareMode, home: Path) -> int:
    """Run the commands that a user would type; return the exit code of the first that fails."""
    password_file = home / "password"
    password_file.touch(mode=0o600)
    password_file.write_text("a password of the demo alone")
    with _imap_server(password_file) as port:
        source = f"imap://demo@127.0.0.1:{port}"
        as_of = REFERENCE.date().isoformat()
        mine = ["mine", source, "--password-file", str(password_file), "--me", OWNER, "--as-of", as_of]
        for command in (mine, ["report"], ["contacts", "--limit", "10"], mine):
            say(f"$ leadminer {shlex.join(command)}")
            if code := run(command, mode, home):
                return code
    left = mode.deployment.local.objects()
    kept = {table: mode.deployment.rows(table) for table in ("minings", "segments", "points", "persons", "messages")}
    say(f"Left in R2: {len(left)} objects. Left in D1: {', '.join(f'{n} {table}' for table, n in kept.items())}.")
    return 0


def run(command: Sequence[str], mode: CloudflareMode, home: Path) -> int:
    """Run one command on the local Cloudflare."""
    try:
        app(list(command), prog_name="leadminer", obj=LocalSession(arguments=tuple(command), mode=mode, home=home))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def say(text: str) -> None:
    """Tell the reader what goes on."""
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
