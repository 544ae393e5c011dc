"""What a stack needs on its Docker host."""

import re

from infra.commands import CommandFailed, Docker
from infra.config import Settings
from infra.docker.images import IMAGES
from infra.docker.sizes import size_for
from infra.naming import CloudflareNames, DockerNames
from infra.preflight.findings import Finding
from infra.preflight.host import Needs

SERVER_GIB = 8
"""Images and build leftovers take three; the rest is for data and dumps."""
FETCHER_GIB = 3
"""For one image, built there. The fetcher stores nothing."""


def needs_of_server(settings: Settings) -> Needs:
    """Return what all containers of a stack on one server need together."""
    processors = int(settings["processors"])
    size = size_for(settings["size"], processors=processors)
    # Twice Redis' limits: the backup container has the same.
    limits = [size.postgres, size.redis, size.redis, size.fetcher, *[size.processor] * processors]
    return Needs(
        memory=sum(each.memory for each in limits),
        cpus=max(float(each.cpus) for each in limits),
        free_gib=SERVER_GIB,
        address=settings["publishAddress"],
        port=int(settings["publishPort"]),
        container=DockerNames(settings["prefix"]).container("fetcher"),
    )


def needs_of_fetcher(settings: Settings) -> Needs:
    """Return what the fetcher of a Cloudflare stack needs on its host."""
    limits = size_for(settings["size"], processors=0).fetcher
    return Needs(
        memory=limits.memory,
        cpus=float(limits.cpus),
        free_gib=FETCHER_GIB,
        address=settings["publishAddress"],
        port=int(settings["publishPort"]),
        container=CloudflareNames(settings["environment"]).fetcher,
    )


def check_major(settings: Settings) -> Finding | None:
    """Return a finding if `pulumi up` would start another major version of PostgreSQL than the running one.

    The new server could not read the data.
    """
    docker = Docker(settings["dockerHost"])
    try:
        server = docker.inspect("container", DockerNames(settings["prefix"]).container("postgres"))
        reference = settings["imagePostgres"] or IMAGES["imagePostgres"].reference
        running = _major(docker, server["Image"], server["Config"]["Image"]) if server else None
        wanted = _major(docker, reference, reference)
    except CommandFailed:
        return None  # `check_host` reports an engine that does not answer
    if running is None or wanted is None or running == wanted:
        return None
    return Finding(
        f"PostgreSQL {running} is running, but the settings ask for an image with {wanted}.",
        f"Upgrade it first: make upgrade-postgres STACK={settings.stack}",
    )


def _major(docker: Docker, image: str, name: str) -> int | None:
    """Return an image's PostgreSQL major version, from its environment or else from its tag; None if in neither."""
    known = docker.inspect("image", image)
    says = "\n".join((known or {}).get("Config", {}).get("Env") or [])
    found = re.search(r"^PG_MAJOR=(\d+)", says, re.MULTILINE) or re.search(r"postgres:(\d+)", name)
    return int(found[1]) if found else None
