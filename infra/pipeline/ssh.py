"""The ssh key for the fetcher's host, if it comes as a secret: an agent holds it for as long as it is needed."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.pipeline.failure import StepFailed

START_SECONDS = 10.0


@contextmanager
def use_key(key: str, known_hosts: str, folder: Path | None = None) -> Iterator[dict[str, str]]:
    """Yield variables that let ssh use a private key, which is never written to a file.

    The lines of `known_hosts` are added to the user's own file, since ssh reads no other one here. On a machine whose
    user already has the key, neither is set.
    """
    learn(known_hosts, (folder or Path.home() / ".ssh") / "known_hosts")
    with tempfile.TemporaryDirectory(prefix="leadminer-ssh-") as place:
        socket = Path(place) / "agent"
        with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as agent:
            try:
                _wait(socket, agent)
                environ = {"SSH_AUTH_SOCK": str(socket)}
                _add(key, environ)
                yield environ
            finally:
                agent.terminate()


def learn(known_hosts: str, file: Path) -> None:
    """Add lines to a known_hosts file, except those that it already has."""
    there = file.read_text("utf-8").splitlines() if file.exists() else []
    new = [line for line in known_hosts.splitlines() if line.strip() and line not in there]
    if new:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text("".join(f"{line}\n" for line in [*there, *new]), "utf-8")


def _wait(socket: Path, agent: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while not socket.exists():
        if agent.poll() is not None or time.monotonic() > until:
            raise StepFailed("ssh-agent did not start.")
        time.sleep(0.01)


def _add(key: str, environ: dict[str, str]) -> None:
    done = subprocess.run(
        ["ssh-add", "-q", "-"],
        env={**os.environ, **environ},
        input=f"{key.strip()}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StepFailed("FETCHER_SSH_KEY is not a private key without a passphrase (its value is not shown).")
