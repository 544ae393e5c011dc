"""`make cloudflare`: run the Cloudflare mode on this machine, without an account, and mine the demo mailbox."""

import shlex
import sys
import tempfile
from pathlib import Path

from demo.people import OWNER
from demo.run import imap_server
from demo.scenes import REFERENCE
from fetcher.embedded.child import EmbeddedError
from infra.bundle import bundle_worker
from infra.vendored import VendoringFailed, vendor
from tests.support.cloudflare.deployment import CHECKOUT, Deployment
from tests.support.cloudflare.packages import PiecesMissing, fetch_pieces
from tests.support.mode import CloudflareMode
from tests.support.servers import Postgres


def main() -> int:
    """Start everything, mine, show the results, and stop everything; return the exit code."""
    say("Looking for the Workers runtime. The first run downloads it with npm and caches it.")
    try:
        pieces, sdk = fetch_pieces(), vendor(CHECKOUT / "requirements" / "worker.lock")
        say("Starting workerd with the Worker, D1, R2 and a queue, and PostgreSQL with a stand-in for Supabase.")
        with (
            tempfile.TemporaryDirectory(prefix="lm-cloudflare-") as folder,
            Postgres() as postgres,
            Deployment(pieces, bundle_worker(CHECKOUT, sdk), postgres) as deployment,
            CloudflareMode(deployment, Path(folder)) as mode,
        ):
            return play(mode)
    except (PiecesMissing, VendoringFailed, EmbeddedError) as error:
        sys.stderr.write(f"{error}\n")
        return 8


def play(mode: CloudflareMode) -> int:
    """Run the commands that a user would type; return 0, or the exit code of the first that fails."""
    password_file = mode.home / "password"
    password_file.touch(mode=0o600)
    password_file.write_text("a password of the demo alone")
    with imap_server(password_file) as port:
        source = f"imap://demo@127.0.0.1:{port}"
        as_of = REFERENCE.date().isoformat()
        mine = ["mine", source, "--password-file", str(password_file), "--me", OWNER, "--as-of", as_of]
        for command in (mine, ["report"], ["contacts", "--limit", "10"], mine):
            say(f"$ leadminer {shlex.join(command)}")
            if code := mode.leadminer(*command).returncode:
                return code
    show_left(mode.deployment)
    return 0


def show_left(deployment: Deployment) -> None:
    """Print what R2 and D1 still hold: the keys of counted messages, watermarks, and the user's number."""
    ours = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT%' ORDER BY name"
    kept = {row["name"]: deployment.rows(row["name"]) for row in deployment.local.query(ours)}
    say(f"Left in R2: {len(deployment.local.objects())} objects.")
    say(f"Left in D1: {', '.join(f'{table} {rows:,}' for table, rows in kept.items())}.")


def say(text: str) -> None:
    """Print a line about what is happening."""
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
