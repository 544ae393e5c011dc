"""Preflight finds what a Docker host lacks."""

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
    """Put stand-in commands on PATH: a Docker host with room, on which nothing runs."""
    made = Commands(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    made.answer("docker", "ps ")
    tell(made)
    return made


def tell(commands: Commands, **changed: object) -> None:
    """Let the engine report good values, except those given."""
    now = datetime.datetime.now(datetime.UTC)
    commands.answer("docker", "info ", {"SystemTime": f"{now:%Y-%m-%dT%H:%M:%S}.123456789Z", **ROOMY, **changed})


@pytest.fixture
def port() -> Iterator[int]:
    """Yield a loopback port on which a socket listens."""
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
    """A host with enough of everything has no findings."""
    assert problems(free_gib=0) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ServerVersion": "19.03.15"}, "The Docker engine has version 19.03.15."),
        (
            {"MemTotal": 1024**3},
            "The containers need up to 2048 MiB of memory together, but the host has 1024 MiB.",
        ),
        ({"NCPU": 1}, "A container has a limit of 2 CPUs, but the host has 1: Docker refuses that."),
        (
            {"SystemTime": "2020-01-01T00:00:00.123456789Z"},
            "The host's clock (2020-01-01 00:00:00) and this machine's differ by",
        ),
        ({"ServerErrors": ["permission denied"]}, f"Cannot use the Docker engine at {HOST}: permission denied"),
    ],
)
def test_what_is_wrong_is_said(commands: Commands, changed: dict[str, object], said: str) -> None:
    """Each finding has what was found and what is needed."""
    tell(commands, **changed)

    (problem,) = problems()

    assert problem.startswith(said)


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "28.1.0", "100.0"])
def test_versions_are_compared_as_numbers(commands: Commands, version: str) -> None:
    """The oldest supported version and all newer ones are accepted."""
    tell(commands, ServerVersion=version)

    assert problems() == []


def test_an_engine_that_does_not_answer_is_all_that_is_said(commands: Commands) -> None:
    """An engine that does not answer is the only finding, with Docker's reason."""
    commands.answer("docker", "info ", "Cannot connect to the Docker daemon", code=1)

    (problem,) = problems()

    assert problem == f"Cannot use the Docker engine at {HOST}: Cannot connect to the Docker daemon"


def test_a_missing_command_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the docker command, the finding says to install it here."""
    monkeypatch.setenv("PATH", str(tmp_path))

    (problem,) = problems()

    assert "The command docker was not found: install it" in problem


def test_a_full_disk_is_found(commands: Commands) -> None:
    """Too little free space below Docker's root is found."""
    (problem,) = problems(free_gib=1_000_000)

    assert problem.startswith("Docker keeps images and volumes below /, which has ")
    assert problem.endswith(" GiB free and needs 1000000 GiB.")


def test_a_disk_that_cannot_be_seen_stops_nothing(commands: Commands) -> None:
    """A disk that is not visible from here, such as that of a virtual machine, stops nothing."""
    tell(commands, DockerRootDir="/nowhere/at/all")

    (finding,) = check_host(HOST, Needs(1, 1, 1, "127.0.0.1", free_port(), "x"))

    assert not finding.stops


def test_a_port_that_is_taken_is_found(commands: Commands, port: int) -> None:
    """A port on which a program listens is found, for its own address and for all addresses."""
    said = f"A program on the host already listens on port {port}."

    assert problems(port) == [said]
    assert problems(port, address="0.0.0.0") == [said]


def test_a_port_of_another_address_is_free(commands: Commands, port: int) -> None:
    """A program that listens on loopback does not block the port on another address."""
    assert problems(port, address="192.0.2.1") == []


def test_the_port_of_our_own_fetcher_is_ours(commands: Commands, port: int) -> None:
    """The stack's own fetcher may use the port, since the deployment replaces it."""
    commands.answer("docker", "ps ", "leadminer-fetcher")

    assert problems(port) == []


def test_the_port_of_another_container_is_taken(commands: Commands) -> None:
    """A port that another container publishes is reported with the container's name."""
    commands.answer("docker", "ps ", "another")

    (problem,) = problems(8090)

    assert problem == "The container another already publishes port 8090."


def test_addresses_of_listeners_are_read() -> None:
    """IPv4 and IPv6 listeners are read from the kernel's tables."""
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
    ):
        tables = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
        found = set(listeners(tables))

        assert {("127.0.0.1", four.getsockname()[1]), ("::1", six.getsockname()[1])} <= found


def test_the_client_is_told_which_engine(commands: Commands, tmp_path: Path) -> None:
    """The docker command gets the host in DOCKER_HOST, so ssh hosts work as usual."""
    (tmp_path / "docker").write_text('#!/bin/sh\necho "$DOCKER_HOST"\n')

    assert Docker("ssh://root@host.example.org")("version") == "ssh://root@host.example.org"
