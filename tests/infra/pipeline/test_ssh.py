"""An agent holds the ssh key for the fetcher's host for as long as it is needed; it is never written to a file."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.pipeline.failure import StepFailed
from infra.pipeline.ssh import learn, use_key
from tests.support.fixtures import require

HAS_SSH = shutil.which("ssh-agent") is not None
HOST = "fetcher.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA"


@pytest.fixture
def key(tmp_path: Path) -> str:
    """Return a new private key."""
    require(HAS_SSH, "no OpenSSH: install openssh-client")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a key of tests", "-f", str(tmp_path / "key")]
    subprocess.run(command, check=True)
    return (tmp_path / "key").read_text("ascii")


def listed(environ: dict[str, str]) -> str:
    """Return the agent's list of keys."""
    done = subprocess.run(["ssh-add", "-l"], env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    return done.stdout


def test_ssh_has_the_key_inside_alone(key: str, tmp_path: Path) -> None:
    """The agent has the key until the block ends, and the host is in known_hosts."""
    with use_key(key, HOST, tmp_path / ".ssh") as environ:
        inside = listed(environ)

    assert "a key of tests" in inside
    assert not Path(environ["SSH_AUTH_SOCK"]).exists()
    assert (tmp_path / ".ssh" / "known_hosts").read_text() == f"{HOST}\n"


def test_what_is_no_key_is_refused_unseen(tmp_path: Path) -> None:
    """The error names the secret's variable and does not show its value."""
    require(HAS_SSH, "no OpenSSH: install openssh-client")

    with (
        pytest.raises(StepFailed, match="FETCHER_SSH_KEY is not a private key") as refused,
        use_key("abc123", "", tmp_path),
    ):
        pass

    assert "abc123" not in str(refused.value)


def test_known_hosts_are_added_once(tmp_path: Path) -> None:
    """The user's known hosts stay, and a host is added only once."""
    file = tmp_path / "known_hosts"
    file.write_text("other.example.org ssh-ed25519 AAAA\n")

    learn(f"{HOST}\n", file)
    learn(f"{HOST}\n", file)

    assert file.read_text().splitlines() == ["other.example.org ssh-ed25519 AAAA", HOST]


def test_without_hosts_no_file_is_made(tmp_path: Path) -> None:
    """Without known hosts, no file is created."""
    learn("", tmp_path / ".ssh" / "known_hosts")

    assert not (tmp_path / ".ssh").exists()
