"""Checks a Docker host: its engine, memory, CPUs, disk, clock and port."""

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
"""The oldest engine that the stack is tested on."""
MAX_SKEW_SECONDS = 30
GIB = 1024**3
_LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a stack needs on the host of its containers; memory in MiB."""

    memory: int
    cpus: float
    free_gib: int
    address: str
    port: int
    container: str
    """The stack's own container, which may use the port already."""


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
        f"Cannot use the Docker engine at {host}: {why}",
        f"Install and start Docker {OLDEST[0]}.{OLDEST[1]} or newer there, and install the docker command here. Then "
        f"make sure that `DOCKER_HOST={host} docker info` works: you must be in the docker group, or have the ssh key.",
    )


def _version(text: str) -> Iterator[Finding]:
    found = tuple(int(number) for number in re.findall(r"\d+", text)[:2])
    if found < OLDEST:
        yield Finding(f"The Docker engine has version {text}.", f"Upgrade it to {OLDEST[0]}.{OLDEST[1]} or newer.")


def _room(info: dict[str, Any], needs: Needs) -> Iterator[Finding]:
    memory = info["MemTotal"] // 1024**2
    if memory < needs.memory:
        yield Finding(
            f"The containers need up to {needs.memory} MiB of memory together, but the host has {memory} MiB.",
            "Choose a smaller leadminer:size or fewer leadminer:processors, or a larger host.",
        )
    if info["NCPU"] < needs.cpus:
        yield Finding(
            f"A container has a limit of {needs.cpus:g} CPUs, but the host has {info['NCPU']}: Docker refuses that.",
            "Choose a smaller leadminer:size, or a larger host.",
        )


def _clock(text: str, before: datetime.datetime) -> Iterator[Finding]:
    there = datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text))
    skew = max((before - there).total_seconds(), (there - _now()).total_seconds(), 0)
    if skew > MAX_SKEW_SECONDS:
        yield Finding(
            f"The host's clock ({there:%Y-%m-%d %H:%M:%S}) and this machine's differ by {skew:.0f} seconds.",
            "Set both with NTP: `timedatectl set-ntp true`.",
        )


def _disk(host: str, root: str, needs: Needs) -> Iterator[Finding]:
    try:
        free = int(_on(host, f"df -Pk {root}").splitlines()[-1].split()[3]) * 1024
    except (CommandFailed, IndexError, ValueError):
        yield Finding(
            f"Cannot see from here how much disk space is free below {root}.",
            f"Make sure there are {needs.free_gib} GiB.",
            stops=False,
        )
        return
    if free < needs.free_gib * GIB:
        yield Finding(
            f"Docker keeps images and volumes below {root}, which has {free / GIB:.1f} GiB free and needs "
            f"{needs.free_gib} GiB.",
            "Free some space (`docker system df` shows what uses it), or move Docker's data to a larger disk.",
        )


def _port(docker: Docker, needs: Needs) -> Iterator[Finding]:
    other = f"Stop it, or choose another port: pulumi config set leadminer:publishPort {needs.port + 1}"
    names = docker("ps", "--filter", f"publish={needs.port}", "--format", "{{.Names}}").split()
    if needs.container in names:
        return
    if names:
        yield Finding(f"The container {names[0]} already publishes port {needs.port}.", other)
        return
    try:
        tables = _on(docker.host, "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null || [ -r /proc/net/tcp ]")
    except CommandFailed:
        yield Finding(
            f"Cannot see from here whether port {needs.port} is free on the host.",
            "Make sure nothing listens on it.",
            stops=False,
        )
        return
    if any(port == needs.port and _meet(address, needs.address) for address, port in listeners(tables)):
        yield Finding(f"A program on the host already listens on port {needs.port}.", other)


def listeners(tables: str) -> Iterator[tuple[str, int]]:
    """Yield the address and port of each listening socket in the kernel's tables."""
    for line in tables.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTENING:
            address, _, port = fields[1].partition(":")
            yield _address(address), int(port, 16)


def _address(text: str) -> str:
    # 32-bit words in the host's byte order: little-endian wherever Docker runs.
    packed = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _meet(one: str, other: str) -> bool:
    everywhere = ("0.0.0.0", "::")  # noqa: S104 (compared with, not bound)
    return one == other or one in everywhere or other in everywhere


def _on(host: str, command: str) -> str:
    """Run a shell command on a Docker host and return its output; raise CommandFailed."""
    if not host.startswith("ssh://"):
        return capture(["sh", "-c", command])
    parts = urlsplit(host)
    port = ["-p", str(parts.port)] if parts.port else []
    user = f"{parts.username}@" if parts.username else ""
    return capture(["ssh", "-o", "BatchMode=yes", *port, f"{user}{parts.hostname}", command])
