"""A Docker host that will not do is found out before anything is made on it."""

import datetime
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.commands import Docker
from infra.preflight.host import Needs, check_host, listeners
from tests.support.commands import Commands

HOST = "unix:///var/run/docker.sock"
ROOMY = {"MemTotal": 8 * 1024**3, "NCPU": 4, "DockerRootDir": "/", "ServerVersion": "28.1.0"}


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Return stand-ins on PATH: a Docker host with room, on which nothing runs."""
    made = Commands(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    made.answer("docker", "ps ")
    tell(made)
    return made


def tell(commands: Commands, **changed: object) -> None:
    """Let the engine say of itself what is given, over what is well."""
    now = datetime.datetime.now(datetime.UTC)
    commands.answer("docker", "info ", {"SystemTime": f"{now:%Y-%m-%dT%H:%M:%S}.123456789Z", **ROOMY, **changed})


@pytest.fixture
def port() -> Iterator[int]:
    """Yield a port of loopback that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number: int = listening.getsockname()[1]
    return number


def problems(port: int | None = None, *, free_gib: int = 0, address: str = "127.0.0.1") -> list[str]:
    needs = Needs(2048, 2.0, free_gib, address, port or free_port(), "leadminer-fetcher")
    return [finding.problem for finding in check_host(HOST, needs)]


def test_a_host_with_room_will_do(commands: Commands) -> None:
    """Nothing is found where everything is well."""
    assert problems(free_gib=0) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ServerVersion": "19.03.15"}, "The Docker engine is 19.03.15."),
        ({"MemTotal": 1024**3}, "The containers may use 2048 MiB of memory together, and the host has 1024."),
        ({"NCPU": 1}, "A container may use 2 processors, and the host has 1: Docker refuses that."),
        ({"SystemTime": "2020-01-01T00:00:00.123456789Z"}, "The host's clock and this machine's differ by"),
        ({"ServerErrors": ["permission denied"]}, f"The Docker engine at {HOST} does not answer: permission denied"),
    ],
)
def test_what_is_wrong_is_said(commands: Commands, changed: dict[str, object], said: str) -> None:
    """Each with what was found and what was wanted."""
    tell(commands, **changed)

    (problem,) = problems()

    assert problem.startswith(said)


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "28.1.0", "100.0"])
def test_versions_are_compared_as_numbers(commands: Commands, version: str) -> None:
    """The oldest that will do, and newer ones."""
    tell(commands, ServerVersion=version)

    assert problems() == []


def test_an_engine_that_does_not_answer_is_all_that_is_said(commands: Commands) -> None:
    """Why, as Docker says it."""
    commands.answer("docker", "info ", "Cannot connect to the Docker daemon", code=1)

    (problem,) = problems()

    assert problem.endswith("does not answer: Cannot connect to the Docker daemon")


def test_a_missing_command_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That `docker` has to be installed here too."""
    monkeypatch.setenv("PATH", str(tmp_path))

    (problem,) = problems()

    assert "There is no docker here: install it" in problem


def test_a_full_disk_is_found(commands: Commands) -> None:
    """What is free below Docker's root counts."""
    (problem,) = problems(free_gib=1_000_000)

    assert "GiB are free below /, where Docker keeps images and volumes; 1000000 are wanted" in problem


def test_a_disk_that_cannot_be_seen_stops_nothing(commands: Commands) -> None:
    """An engine in a virtual machine has its disk there."""
    tell(commands, DockerRootDir="/nowhere/at/all")

    (finding,) = check_host(HOST, Needs(1, 1, 1, "127.0.0.1", free_port(), "x"))

    assert not finding.stops


def test_a_port_that_is_taken_is_found(commands: Commands, port: int) -> None:
    """By whatever program, and where every address is asked for."""
    said = f"Something on the host listens on port {port} already."

    assert problems(port) == [said]
    assert problems(port, address="0.0.0.0") == [said]


def test_a_port_of_another_address_is_free(commands: Commands, port: int) -> None:
    """What listens on loopback is in nobody's way elsewhere."""
    assert problems(port, address="192.0.2.1") == []


def test_the_port_of_our_own_fetcher_is_ours(commands: Commands, port: int) -> None:
    """It is replaced, and gives it back."""
    commands.answer("docker", "ps ", "leadminer-fetcher")

    assert problems(port) == []


def test_the_port_of_another_container_is_taken(commands: Commands) -> None:
    """Its name is said, whether or not a program listens for it."""
    commands.answer("docker", "ps ", "another")

    (problem,) = problems(8090)

    assert problem == "The port 8090 is published by the container another."


def test_addresses_of_listeners_are_read() -> None:
    """Both kinds, as the kernel writes them."""
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
    ):
        tables = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
        found = set(listeners(tables))

        assert {("127.0.0.1", four.getsockname()[1]), ("::1", six.getsockname()[1])} <= found


def test_the_client_is_told_which_engine(commands: Commands, tmp_path: Path) -> None:
    """By its own variable, so that ssh hosts work as they do for people."""
    (tmp_path / "docker").write_text('#!/bin/sh\necho "$DOCKER_HOST"\n')

    assert Docker("ssh://root@host.example.org")("version") == "ssh://root@host.example.org"
