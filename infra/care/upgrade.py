"""Upgrades PostgreSQL to another major version.

A dump is restored on the new server and its rows are counted. Only then does the new server replace the old one, whose
files are kept.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from infra.care.deployment import Deployment, Refused
from infra.care.dumps import Ask
from infra.commands import CommandFailed
from infra.docker.backup import run_script
from infra.docker.images import IMAGES
from infra.docker.postgres import DATA, INITDB_ARGUMENTS, USER
from infra.settings import NAMESPACE

DUMPS = "/dumps"
"""Where the volume of dumps is mounted in the new server's container."""
SOCKETS = "/var/run/postgresql"
SETTING = "imagePostgres"
NEEDED = (
    *("PGUSER", "PGDATABASE", "PGPASSWORD", "PERMANENT_PASSWORD", "MINING_PASSWORD"),
    *("PERMANENT_DATABASE", "MINING_DATABASE", "SETUP_SQL", "BACKUPS_KEPT", "BACKUP_HOUR"),
)
"""The environment variables that backup.sh needs."""


@dataclass(frozen=True, slots=True)
class Image:
    """A local image: its major version, and the folder in the volume where it keeps its data."""

    reference: str
    major: int
    data: str


def wanted_image(stack: Deployment) -> Image:
    """Return the image that the stack's settings ask for, pulled if it is missing."""
    chosen = stack.pulumi.config().get(f"{NAMESPACE}:{SETTING}", {}).get("value")
    reference = chosen or IMAGES[SETTING].reference
    if stack.docker.inspect("image", reference) is None:
        stack.docker("pull", "--quiet", reference)
    once = ("run", "--rm", "--network", "none", "--read-only", "--user", USER, "--entrypoint", "sh", reference, "-c")
    major = _major(stack.docker(*once, "postgres --version"))
    return Image(reference, major, stack.docker(*once, f'echo "${{PGDATA:-{DATA}/{major}/docker}}"'))


def running_major(stack: Deployment) -> int:
    """Return the major version of the running server."""
    return _major(stack.docker("exec", stack.postgres, "postgres", "--version"))


def upgrade(stack: Deployment, ask: Ask, tell: Callable[[str], None]) -> None:
    """Move the stack to the image that its settings ask for; raise Refused or CommandFailed.

    The rows are compared in the files that will be used: the new server's folder gets its final name only once it is
    complete. If the upgrade fails before that, the old server keeps running.
    """
    running, wanted = running_major(stack), wanted_image(stack)
    if wanted.major == running:
        stack.start_services()  # an earlier upgrade may have ended before this
        tell(f"PostgreSQL {running} is running, as the settings ask for.")
        return
    _check(stack, running, wanted)
    if not ask(
        f"This stops the services of {stack.names.prefix} and upgrades PostgreSQL from {running} to {wanted.major}."
    ):
        raise Refused("Nothing was upgraded: answer yes at the terminal, or pass --yes.")
    stack.stop_services()
    try:
        _fill(stack, wanted, tell)
    except BaseException:
        stack.start_services()
        raise
    tell("Every table has as many rows as before. Replacing the old server with the new one.")
    _switch(stack, running, wanted)
    stack.start_services()
    tell(
        f"PostgreSQL {wanted.major} is running. The files of {running} are kept: delete them with "
        f"`make drop-unused-postgres`."
    )


def _check(stack: Deployment, running: int, wanted: Image) -> None:
    """Raise Refused if this upgrade is not possible."""
    if wanted.major < running:
        raise Refused(
            f"PostgreSQL {running} is running, and {wanted.major} is older: set {NAMESPACE}:{SETTING} to a newer image."
        )
    if not wanted.data.startswith(f"{DATA}/"):
        raise Refused(f"{wanted.reference} keeps its data in {wanted.data}, not below {DATA}: use the official image.")
    if _is_there(stack, wanted.data):
        raise Refused(
            f"The volume already has {wanted.data}, from an earlier upgrade. If nobody needs it, delete it with "
            "`make drop-unused-postgres` and try again."
        )


def _switch(stack: Deployment, running: int, wanted: Image) -> None:
    """Let Pulumi replace the server.

    If that fails and the old server still runs, delete the new folder: its data would be out of date at the next try.
    """
    try:
        stack.pulumi.run("up", "--yes")
    except CommandFailed as failed:
        if not _runs(stack, running):
            raise Refused(
                f"{failed} The data is complete, in {wanted.data}, and the services are stopped. Run `pulumi up "
                f"--stack {stack.pulumi.stack}` until it succeeds, then `make upgrade-postgres` to start the services."
            ) from None
        stack.docker("exec", stack.postgres, "rm", "-rf", wanted.data)
        stack.start_services()
        raise Refused(f"{failed} PostgreSQL {running} and the services are running as before.") from None


def drop_unused(stack: Deployment, ask: Ask) -> str:
    """Delete the folders of all major versions but the running one, and return their paths; raise Refused."""
    running = running_major(stack)
    listed = stack.docker("exec", stack.postgres, "find", DATA, "-mindepth", "1", "-maxdepth", "1", "-type", "d")
    unused = [path for path in listed.split() if re.fullmatch(rf"{DATA}/\d+", path) and path != f"{DATA}/{running}"]
    if not unused:
        return ""
    if not ask(f"This deletes {', '.join(unused)} from the volume. PostgreSQL {running} is running."):
        raise Refused("Nothing was deleted: answer yes at the terminal, or pass --yes.")
    stack.docker("exec", stack.postgres, "rm", "-rf", *unused)
    return ", ".join(unused)


def _fill(stack: Deployment, image: Image, tell: Callable[[str], None]) -> None:
    """Dump the databases and restore the dump into a new server in the volume; clean up if that fails."""
    dump = stack.script("dump")
    tell(f"Made and verified the dump {dump}. Restoring it on PostgreSQL {image.major}.")
    new, made = stack.names.container("postgres-new"), f"{image.data}.new"
    _remove(stack, new)
    try:
        _start(stack, image, new, made)
        stack.script("restore", dump, "--discard", container=new)
        stack.docker("stop", "--time", "60", new)
        stack.docker("exec", stack.postgres, "mv", "-T", made, image.data)
    except CommandFailed as failed:
        logs = stack.docker.logs(new) if stack.docker.inspect("container", new) else ""
        raise Refused(f"PostgreSQL {image.major} could not load the data: {failed}\n{logs}") from None
    finally:
        _remove(stack, new)
        stack.docker("exec", stack.postgres, "rm", "-rf", made)


def _start(stack: Deployment, image: Image, name: str, folder: str) -> None:
    """Start the new server beside the old one, in the same volume, reachable only by backup.sh."""
    secrets = _secrets(stack)
    words = ["run", "--detach", "--name", name, "--network", "none", "--user", USER, "--read-only"]
    words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"]
    words += ["--tmpfs", "/tmp:mode=1777"]  # noqa: S108 - the container's own, which nobody else can enter
    words += ["--tmpfs", f"{SOCKETS}:mode=0700,uid={USER.partition(':')[0]}"]
    words += ["--volume", f"{stack.names.volume('postgres')}:{DATA}"]
    words += ["--volume", f"{stack.names.volume('backups')}:{DUMPS}"]
    own = {"PGHOST": SOCKETS, "BACKUPS": DUMPS, "POSTGRES_INITDB_ARGS": INITDB_ARGUMENTS}
    for variable in (*secrets, *own):
        words += ["--env", variable]  # the value comes from the client's environment, so no process list shows it
    words += ["--entrypoint", "bash", image.reference, "-c", *run_script("serve-new", folder)]
    stack.docker(*words, environment={**secrets, **own})
    waiting = "n=0; until pg_isready -q; do sleep 0.5; n=$((n + 1)); [ $n -lt 240 ] || exit 1; done"
    stack.docker("exec", name, "sh", "-c", waiting)


def _secrets(stack: Deployment) -> dict[str, str]:
    """Return the variables that backup.sh needs, from the environment of the backup container."""
    found = stack.docker.inspect("container", stack.backup)
    if found is None:
        raise Refused(f"There is no container {stack.backup}: run `make deploy STACK={stack.pulumi.stack}` first.")
    all_of_them = dict(pair.partition("=")[::2] for pair in found["Config"]["Env"])
    return {name: all_of_them[name] for name in NEEDED}


def _is_there(stack: Deployment, path: str) -> bool:
    try:
        stack.docker("exec", stack.postgres, "test", "-e", path)
    except CommandFailed:
        return False
    return True


def _runs(stack: Deployment, major: int) -> bool:
    try:
        return running_major(stack) == major
    except CommandFailed:
        return False


def _remove(stack: Deployment, container: str) -> None:
    if stack.docker.inspect("container", container) is not None:
        stack.docker("rm", "--force", "--volumes", container)


def _major(version: str) -> int:
    """Return the major version in a text like `postgres (PostgreSQL) 18.6 (Debian …)`."""
    found = re.search(r"\(PostgreSQL\) (\d+)", version)
    if found is None:
        raise Refused(f"Not a PostgreSQL version: {version!r}.")
    return int(found[1])
