"""The demo: a sample mailbox behind a real IMAP server, mined by the commands that a user would type."""

import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from demo.mailbox import MESSAGES
from demo.people import OWNER
from demo.scenes import REFERENCE
from fetcher.embedded.start import EmbeddedError, start

OUTPUT = Path("demo-out")
HOST = "127.0.0.1"
USUAL_PORT = 8090
INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TERM", "COLUMNS", "NO_COLOR", "TMPDIR", "LEADMINER_DEBUG")
"""The environment variables that the commands inherit; the demo ignores your own servers and passwords."""


def run_demo(*, serve: bool = False) -> int:
    """Run the demo; return 0, or the exit code of the first command that fails.

    With `serve`, it ends with a link to the contacts in a browser, and waits for Ctrl-C.
    """
    began = time.monotonic()
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / "contacts.csv").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="leadminer-demo-") as folder:
        home = Path(folder)
        try:
            code = _play(home, serve=serve)
        except EmbeddedError as error:
            print(error, file=sys.stderr)
            return 8
    if code == 0:
        took = round(time.monotonic() - began)
        print(f"\nDone in {took} s. All servers are stopped. Your contacts are in {OUTPUT / 'contacts.csv'}.")
    return code


def _play(home: Path, *, serve: bool) -> int:
    password_file = home / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(12), "ascii")
    with imap_server(password_file) as port, start(home / "data", notice=_say):
        source = f"imap://demo@127.0.0.1:{port}"
        as_of = REFERENCE.date().isoformat()
        mine = ["mine", source, "--password-file", str(password_file), "--me", OWNER, "--as-of", as_of]
        for title, command in (
            ("Mine the mailbox:", mine),
            ("Account for every message:", ["report"]),
            ("List the ten warmest contacts:", ["contacts", "--limit", "10"]),
            ("Export all contacts to a file:", ["export", "--output", str(OUTPUT / "contacts.csv")]),
            ("Mine it again; there are no new messages, so nothing is fetched:", mine),
        ):
            if code := _run(title, command, home / "data"):
                return code
        if serve and (code := _serve(home / "data")):
            return code
        _say("Stopping the servers.")
    return 0


def _serve(home: Path) -> int:
    """Show the contacts in a browser until Ctrl-C, which also reaches the service."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = _run("Look at the contacts in a browser:", ["serve"], home, {"SERVE_LISTEN": _free_place()})
    finally:
        signal.signal(signal.SIGINT, before)
    return 0 if code == INTERRUPTED else code


def _free_place() -> str:
    """Return where the service can listen: at its usual port, or at any other if that is taken."""
    for port in (USUAL_PORT, 0):
        with suppress(OSError), socket.create_server((HOST, port)) as found:
            return f"{HOST}:{found.getsockname()[1]}"
    raise EmbeddedError(f"No port on {HOST} is free: stop another server and run the demo again.")


def _run(title: str, command: list[str], home: Path, settings: Mapping[str, str] = MappingProxyType({})) -> int:
    _say(f"{title}\n$ leadminer {shlex.join(command)}")
    own = {"LEADMINER_HOME": str(home), "LEADMINER_LINGER": "0", **settings}
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | own
    return subprocess.run(
        [str(Path(sys.executable).with_name("leadminer")), *command], env=environment, check=False
    ).returncode


@contextmanager
def imap_server(password_file: Path, messages: int = MESSAGES) -> Iterator[int]:
    """Run the sample mailbox's server and yield its port; the server stops when its standard input closes."""
    _say("Starting a local IMAP server with a sample mailbox of fictional people.")
    command = [sys.executable, "-m", "demo.server", str(password_file), str(messages)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as server:
        if server.stdin is None or server.stdout is None or not (port := server.stdout.readline()):
            raise EmbeddedError("The sample IMAP server did not start. The error is shown above.")
        try:
            yield int(port)
        finally:
            server.stdin.close()


def _say(text: str) -> None:
    print(f"\n{text}", flush=True)
