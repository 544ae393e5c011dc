"""`python -m demo.smoke`: mine the demo mailbox through the deployment in the environment, and leave nothing behind.

The mailbox is on this machine's loopback, and this machine is the fetcher. The user `smoke` is erased before the
mining, in case an earlier run was killed, and again afterwards, even if this run fails.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from demo.mailbox import MESSAGES
from demo.people import OWNER
from demo.run import imap_server
from demo.scenes import REFERENCE

USER = "smoke"
LEADMINER = (sys.executable, "-m", "fetcher.commands.cli")


class SmokeFailed(Exception):
    """The deployment does not mine correctly; the text says what is wrong."""


def main() -> int:
    """Mine, check and erase; return the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a cancelled workflow also erases
    try:
        with tempfile.TemporaryDirectory(prefix="leadminer-smoke-") as folder:
            os.environ["LEADMINER_HOME"] = folder
            mine(Path(folder))
    except SmokeFailed as error:
        print(f"The smoke mining failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("The smoke mining was stopped. Everything it left behind has been erased.", file=sys.stderr)
        return 130
    return 0


def mine(folder: Path, messages: int = MESSAGES) -> None:
    """Mine `messages` messages; raise SmokeFailed unless the mining finishes and its ledger accounts for them all."""
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(12), "ascii")
    try:
        _leadminer("erase", "--yes")
        with imap_server(password, messages) as port:
            asked = ["--password-file", str(password), "--me", OWNER, "--as-of", REFERENCE.date().isoformat()]
            _leadminer("mine", f"imap://demo@127.0.0.1:{port}", *asked)
        check(json.loads(_leadminer("report", "--json")))
    finally:
        _leadminer("erase", "--yes")


def check(report: dict[str, Any]) -> None:
    """Raise SmokeFailed unless the report shows that the mining finished, read every message and found contacts."""
    ledger = report["ledger"] or {}
    lost = {column: ledger.get(column) for column in ("skipped", "failed", "dead", "folders_failed")}
    if report["state"] != "finished" or not report["balanced"]:
        raise SmokeFailed(f"the mining is {report['state']}, and its ledger {report['imbalance'] or 'balances'}.")
    if any(lost.values()):
        raise SmokeFailed(f"the ledger balances, but some messages were not read: {lost}.")
    if not ledger["listed"] or not ledger.get("contacts", {}).get("contact"):
        raise SmokeFailed(f"the mining listed {ledger['listed']} messages and found no contacts.")
    print(
        f"Listed {ledger['listed']:,} messages, found {ledger['contacts']['contact']:,} contacts; the ledger balances."
    )


def _leadminer(command: str, *arguments: str) -> str:
    """Run a command for the user `smoke`, show its output, and return what it printed."""
    done = subprocess.run(
        [*LEADMINER, command, *arguments, "--user", USER], stdout=subprocess.PIPE, text=True, check=False
    )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise SmokeFailed(f"leadminer {command} ended with exit code {done.returncode}. The error is shown above.")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
