"""The commands of `docs/self-host.md` for one server work, from setup to contacts, maintenance and removal."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.stacks.conftest import Note
from tests.support.docker.engine import DockerEngine
from tests.support.dovecot import Dovecot, free_ports
from tests.support.fixtures import READER_MESSAGES
from tests.support.mailboxes import PASSWORD
from tests.support.pulumi.selfhost import mailbox
from tests.support.walk import Reader, blocks_under

CONTAINERS = ("fetcher", "postgres", "redis")
"""Containers that the page names; they get another prefix, since two runs on one engine need different names."""


@pytest.fixture
def reader(checkout: Path, variables: dict[str, str], docker_engine: DockerEngine, images: dict[str, str]) -> Reader:
    """Return a reader with a checkout, a Docker engine, Pulumi, and local images."""
    prefix = f"lm-{uuid4().hex[:8]}"
    own = images | {"dockerHost": docker_engine.host, "prefix": prefix, "publishPort": str(free_ports(1)[0])}
    with (checkout / "Pulumi.selfhost.yaml").open("a") as file:
        file.writelines(f'  leadminer:{name}: "{value}"\n' for name, value in own.items())
    return Reader(
        checkout,
        {**variables, "DOCKER_HOST": docker_engine.host},
        {f"leadminer-{name}": f"{prefix}-{name}" for name in CONTAINERS},
        PASSWORD,
    )


def test_one_server_from_nothing_to_its_end(
    reader: Reader, inbox: Dovecot, docker_engine: DockerEngine, note: Note
) -> None:
    """The documented commands deploy, mine, dump, change, drain, replace passwords, and remove the stack."""
    state, stack, up, *after = blocks_under("docs/self-host.md", "One server")
    mine, ask, check = after
    care = blocks_under("docs/self-host.md", "Maintain the server")
    prefix = reader.own["leadminer-fetcher"].removesuffix("-fetcher")
    passphrase = "export PULUMI_CONFIG_PASSPHRASE_FILE=~/.leadminer-passphrase"

    shown = reader.type(state, stack, up)

    assert "docs/self-host.md" in shown
    gateway = docker_engine.client.networks.get(prefix).attrs["IPAM"]["Config"][0]["Gateway"]
    with mailbox(gateway, inbox.port) as source:
        own = {
            **reader.own,
            "imaps://jane@example.org@imap.example.org": f"--plain imap://jane%40example.org@{source.rpartition('@')[2]}",
        }
        walker = Reader(reader.folder, reader.environment, own, PASSWORD)
        mined = walker.type(mine, ask, check, before=passphrase)
    assert f"listed  {READER_MESSAGES}" in mined
    assert '"state":"finished"' in mined
    assert (reader.folder / "contacts.csv").read_bytes().count(b"\n") == 2
    cared = reader.type(*care, before=passphrase)
    assert "Stack 'selfhost' has been removed" in cared
    left = [each.name for each in docker_engine.client.containers.list(all=True) if each.name.startswith(prefix)]
    assert left == []
    assert (reader.folder / "Pulumi.selfhost.yaml").exists()
