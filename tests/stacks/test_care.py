"""Maintenance of a stack on a real engine: dumps bring back lost data, and PostgreSQL can be upgraded."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from fetcher.embedded.postgres import postgres_binaries
from tests.support.docker.engine import DockerEngine
from tests.support.house import wait_until
from tests.support.pulumi.selfhost import STACK, SelfHost, Service
from tests.support.walk import Reader, blocks_under

HEALTHY_SECONDS = 90.0
PROGRAMS = postgres_binaries().parent
PACKAGE = PROGRAMS.parent
NEWER = f"FROM {{image}}\nCOPY newer /opt\nENV PATH=/opt/{PACKAGE.name}/{PROGRAMS.name}/bin:$PATH\n"
BROKEN = f"{NEWER}COPY broken /opt/{PACKAGE.name}/{PROGRAMS.name}/bin/initdb\n"


def attempt(stack: SelfHost, *words: str, stack_name: str = STACK) -> "subprocess.CompletedProcess[str]":
    """Run `python -m infra.care` in the stack's checkout, as its make targets do."""
    command = [sys.executable, "-W", "ignore", "-m", "infra.care", *words, "--stack", stack_name, "--yes"]
    environment = os.environ | stack.pulumi.environment
    return subprocess.run(command, cwd=stack.project, env=environment, capture_output=True, text=True, check=False)


def care(stack: SelfHost, *words: str) -> str:
    done = attempt(stack, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def build_newer(engine: DockerEngine, folder: Path, image: str, text: str) -> str:
    """Return an image with a newer major version: the embedded PostgreSQL's programs come first on PATH."""
    shutil.copytree(PROGRAMS, folder / "newer" / PACKAGE.name / PROGRAMS.name)
    shutil.copytree(PACKAGE.with_name(f"{PACKAGE.name}.libs"), folder / "newer" / f"{PACKAGE.name}.libs")
    (folder / "broken").write_text("#!/bin/sh\nexit 1\n")
    (folder / "broken").chmod(0o755)
    (folder / "Dockerfile").write_text(text.format(image=image))
    built, _ = engine.client.images.build(path=str(folder), rm=True)
    return str(built.id)


def lose(stack: SelfHost, *volumes: str) -> None:
    """Remove all containers and the given volumes, as if a disk were lost."""
    for container in stack.containers().values():
        container.remove(force=True, v=True)
    for holding in volumes:
        stack.engine.client.volumes.get(stack.volume(holding)).remove(force=True)
    stack.pulumi.run("refresh", "--stack", STACK, "--yes")


def healthy(stack: SelfHost) -> None:
    wait_until(stack.is_healthy, seconds=HEALTHY_SECONDS, look_seconds=0.5)


def version(stack: SelfHost) -> str:
    return stack.execute("postgres", "postgres", "--version")[1].split()[2].partition(".")[0]


def folders(stack: SelfHost) -> set[str]:
    """Return the folders in PostgreSQL's volume, by major version."""
    found = stack.execute("postgres", "find", "/var/lib/postgresql", "-mindepth", "2", "-maxdepth", "2")[1]
    return {path.removeprefix("/var/lib/postgresql/") for path in found.split()}


def test_a_dump_that_was_kept_elsewhere_brings_back_all_that_was_lost(
    stack: SelfHost, service: Service, source: str, tmp_path: Path
) -> None:
    """After every volume is lost, a dump that was copied out as `docs/operations.md` says restores all data.

    The export is the same, and a mining finds nothing new.
    """
    service.mine("amy", source)
    before = service.exports("amy")
    dump = care(stack, "backup")
    assert dump in care(stack, "dumps").split()
    out, back = blocks_under("docs/operations.md", "Backup and restore")
    own = {"leadminer-": f"{stack.prefix}-", "2026-11-25T02-00-00Z": dump}
    reader = Reader(tmp_path, {"DOCKER_HOST": stack.engine.host}, own)

    reader.type(out)
    lose(stack, "postgres", "redis", "raw", "backups")
    stack.up("--skip-preview")
    assert service.exports("amy") != before
    reader.type(back)
    care(stack, "restore", dump)

    healthy(stack)
    assert service.exports("amy") == before
    assert service.mine("amy", source)["ledger"]["listed"] == 0
    assert service.exports("amy") == before


def test_what_cannot_be_done_says_why(stack: SelfHost) -> None:
    """An unknown dump or stack is reported, and no service is stopped."""
    running = stack.containers()["fetcher"].attrs["State"]["StartedAt"]

    unknown, nowhere = attempt(stack, "restore", "2020-01-01T00-00-00Z"), attempt(stack, "backup", stack_name="other")

    assert (unknown.returncode, nowhere.returncode) == (1, 1)
    assert "There is no dump 2020-01-01T00-00-00Z. Available: " in unknown.stderr
    assert "Cannot read the stack other: " in nowhere.stderr
    assert stack.containers()["fetcher"].attrs["State"]["StartedAt"] == running


def test_an_upgrade_takes_everything_along_or_changes_nothing(
    stack: SelfHost, service: Service, source: str, docker_engine: DockerEngine, images: dict[str, str], tmp_path: Path
) -> None:
    """An upgrade that fails leaves the old server running, and one that succeeds keeps all data.

    The export is the same, nothing is counted twice, and the old files stay until they are dropped.
    """
    service.mine("liz", source)
    before, server, old, held = service.exports("liz"), server_id(stack), version(stack), folders(stack)

    stack.configure({"imagePostgres": build_newer(docker_engine, tmp_path / "1", images["imagePostgres"], BROKEN)})
    failed = attempt(stack, "upgrade-postgres")

    assert (failed.returncode, "could not load the data" in failed.stderr) == (1, True), failed.stderr
    healthy(stack)
    assert (server_id(stack), folders(stack)) == (server, held)
    assert "postgres-new" not in stack.containers()
    assert service.exports("liz") == before

    stack.configure({"imagePostgres": build_newer(docker_engine, tmp_path / "2", images["imagePostgres"], NEWER)})
    care(stack, "upgrade-postgres")

    healthy(stack)
    new = version(stack)
    assert int(new) > int(old)
    assert service.exports("liz") == before
    assert service.mine("liz", source)["ledger"]["listed"] == 0
    assert folders(stack) == {*held, f"{new}/docker"}
    stack.expect_no_changes()
    assert "is running, as the settings ask for" in care(stack, "upgrade-postgres")
    assert care(stack, "restore", care(stack, "backup")).endswith("The services are running again.")
    assert old in care(stack, "drop-unused-postgres")
    assert folders(stack) == {f"{new}/docker"}
    assert service.exports("liz") == before


def server_id(stack: SelfHost) -> str:
    return str(stack.containers()["postgres"].id)


def test_preflight_finds_nothing_on_a_host_that_carries_the_stack(stack: SelfHost) -> None:
    """On a host that runs the stack, preflight finds no problem, not even with the stack's own port."""
    command = [sys.executable, "-W", "ignore", "-m", "infra.preflight", STACK]
    environment = os.environ | stack.pulumi.environment

    done = subprocess.run(command, cwd=stack.project, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, "The stack selfhost is ready to deploy." in done.stdout) == (0, True), done.stdout
