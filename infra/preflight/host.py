"""A Docker host: whether its engine answers, and what it has of memory, processors, disk, ports and time."""

import datetime
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from infra.commands import CommandFailed, Docker, capture
from infra.preflight.findings import Finding

OLDEST = (20, 10)
"""The engine that the stack is tested on."""
MAX_SKEW_SECONDS = 30
GIB = 1024**3
_LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a stack needs of the host of its containers; memory in MiB."""

    memory: int
    cpus: float
    free_gib: int
    address: str
    port: int
    container: str
    """The container that may have the port already."""


def check_host(host: str, needs: Needs) -> Iterator[Finding]:
    """Yield what is wrong with a Docker host."""
    docker = Docker(host)
    before = _now()
    try:
        info: dict[str, Any] = json.loads(docker("info", "--format", "{{json .}}"))
    except CommandFailed as failed:
        yield _unreachable(host, str(failed))
        return
    if errors := info.get("ServerErrors"):
        yield _unreachable(host, " ".join(errors))
        return
    yield from _version(info["ServerVersion"])
    yield from _room(info, needs)
    yield from _clock(info["SystemTime"], before)
    yield from _disk(host, info["DockerRootDir"], needs)
    yield from _port(docker, needs)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _unreachable(host: str, why: str) -> Finding:
    return Finding(
        f"The Docker engine at {host} does not answer: {why}",
        f"Install and start it (Docker {OLDEST[0]}.{OLDEST[1]} or newer, and the command docker here), and see that "
        f"`DOCKER_HOST={host} docker info` works for you: be in its group docker, or have the ssh key.",
    )


def _version(text: str) -> Iterator[Finding]:
    found = tuple(int(number) for number in re.findall(r"\d+", text)[:2])
    if found < OLDEST:
        yield Finding(f"The Docker engine is {text}.", f"Upgrade it to {OLDEST[0]}.{OLDEST[1]} or newer.")


def _room(info: dict[str, Any], needs: Needs) -> Iterator[Finding]:
    memory = info["MemTotal"] // 1024**2
    if memory < needs.memory:
        yield Finding(
            f"The containers may use {needs.memory} MiB of memory together, and the host has {memory}.",
            "Choose a smaller leadminer:size or fewer leadminer:processors, or a larger host.",
        )
    if info["NCPU"] < needs.cpus:
        yield Finding(
            f"A container may use {needs.cpus:g} processors, and the host has {info['NCPU']}: Docker refuses that.",
            "Choose a smaller leadminer:size, or a larger host.",
        )


def _clock(text: str, before: datetime.datetime) -> Iterator[Finding]:
    there = datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text))
    skew = max((before - there).total_seconds(), (there - _now()).total_seconds(), 0)
    if skew > MAX_SKEW_SECONDS:
        yield Finding(
            f"The host's clock and this machine's differ by {skew:.0f} seconds: {there:%Y-%m-%d %H:%M:%S} there.",
            "Set both by NTP (`timedatectl set-ntp true`).",
        )


def _disk(host: str, root: str, needs: Needs) -> Iterator[Finding]:
    try:
        free = int(_on(host, f"df -Pk {root}").splitlines()[-1].split()[3]) * 1024
    except (CommandFailed, IndexError, ValueError):
        yield Finding(
            f"How much of the disk below {root} is free cannot be seen from here.",
            f"See that there are {needs.free_gib} GiB.",
            stops=False,
        )
        return
    if free < needs.free_gib * GIB:
        yield Finding(
            f"{free / GIB:.1f} GiB are free below {root}, where Docker keeps images and volumes; {needs.free_gib} are "
            "wanted.",
            "Make room (`docker system df` shows what there is), or move Docker's data to a larger disk.",
        )


def _port(docker: Docker, needs: Needs) -> Iterator[Finding]:
    other = f"Stop what has it, or choose another: pulumi config set leadminer:publishPort {needs.port + 1}"
    names = docker("ps", "--filter", f"publish={needs.port}", "--format", "{{.Names}}").split()
    if needs.container in names:
        return
    if names:
        yield Finding(f"The port {needs.port} is published by the container {names[0]}.", other)
        return
    try:
        tables = _on(docker.host, "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null || [ -r /proc/net/tcp ]")
    except CommandFailed:
        yield Finding(
            f"Whether port {needs.port} is free on the host cannot be seen from here.",
            "See that nothing listens on it.",
            stops=False,
        )
        return
    if any(port == needs.port and _meet(address, needs.address) for address, port in listeners(tables)):
        yield Finding(f"Something on the host listens on port {needs.port} already.", other)


def listeners(tables: str) -> Iterator[tuple[str, int]]:
    """Yield address and port of each listening socket in the kernel's tables."""
    for line in tables.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTENING:
            address, _, port = fields[1].partition(":")
            yield _address(address), int(port, 16)


def _address(text: str) -> str:
    # Words of 32 bits in the host's order: little-endian wherever Docker runs.
    packed = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _meet(one: str, other: str) -> bool:
    everywhere = ("0.0.0.0", "::")  # noqa: S104 (what others listen on)
    return one == other or one in everywhere or other in everywhere


def _on(host: str, command: str) -> str:
    """Run a command of the shell on a Docker host."""
    if not host.startswith("ssh://"):
        return capture(["sh", "-c", command])
    parts = urlsplit(host)
    port = ["-p", str(parts.port)] if parts.port else []
    user = f"{parts.username}@" if parts.username else ""
    return capture(["ssh", "-o", "BatchMode=yes", *port, f"{user}{parts.hostname}", command])
