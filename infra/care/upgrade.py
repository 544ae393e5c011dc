"""The way to another major version of PostgreSQL.

A dump is restored and counted on the new server; only then that takes the place of the old one, whose files stay.
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
"""Where the new server sees the volume of dumps."""
SOCKETS = "/var/run/postgresql"
SETTING = "imagePostgres"
NEEDED = (
    *("PGUSER", "PGDATABASE", "PGPASSWORD", "PERMANENT_PASSWORD", "MINING_PASSWORD"),
    *("PERMANENT_DATABASE", "MINING_DATABASE", "SETUP_SQL", "BACKUPS_KEPT", "BACKUP_HOUR"),
)
"""What the script needs of its environment."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is at hand: its major version, and where it keeps its data in the volume."""

    reference: str
    major: int
    data: str


def wanted_image(stack: Deployment) -> Image:
    """Return the image that the stack's settings ask for, pulled where it is not there."""
    chosen = stack.pulumi.config().get(f"{NAMESPACE}:{SETTING}", {}).get("value")
    reference = chosen or IMAGES[SETTING].reference
    if stack.docker.inspect("image", reference) is None:
        stack.docker("pull", "--quiet", reference)
    once = ("run", "--rm", "--network", "none", "--read-only", "--user", USER, "--entrypoint", "sh", reference, "-c")
    major = _major(stack.docker(*once, "postgres --version"))
    return Image(reference, major, stack.docker(*once, f'echo "${{PGDATA:-{DATA}/{major}/docker}}"'))


def running_major(stack: Deployment) -> int:
    """Return the major version of the server that runs."""
    return _major(stack.docker("exec", stack.postgres, "postgres", "--version"))


def upgrade(stack: Deployment, ask: Ask, tell: Callable[[str], None]) -> None:
    """Bring the stack to the image that its settings ask for; raise Refused or CommandFailed with the old one running.

    What is compared is what will be used: the new server's folder gets the image's own name only once it is whole.
    """
    running, wanted = running_major(stack), wanted_image(stack)
    if wanted.major == running:
        stack.start_services()  # an earlier upgrade may have ended before it did
        tell(f"PostgreSQL {running} runs, as the settings ask for.")
        return
    _check(stack, running, wanted)
    if not ask(
        f"This stops the services of {stack.names.prefix} and goes from PostgreSQL {running} to {wanted.major}."
    ):
        raise Refused("Nothing was upgraded: say yes at the terminal, or give --yes.")
    stack.stop_services()
    try:
        _fill(stack, wanted, tell)
    except BaseException:
        stack.start_services()
        raise
    tell("Every table has as many rows as before. The new server takes the old one's place.")
    _switch(stack, running, wanted)
    stack.start_services()
    tell(f"PostgreSQL {wanted.major} runs. The files of {running} stay until `make drop-unused-postgres` removes them.")


def _check(stack: Deployment, running: int, wanted: Image) -> None:
    """Raise Refused where there is no way from here to there."""
    if wanted.major < running:
        raise Refused(f"PostgreSQL {running} runs, {wanted.major} is older: set {NAMESPACE}:{SETTING} to a newer one.")
    if not wanted.data.startswith(f"{DATA}/"):
        raise Refused(f"{wanted.reference} has its data in {wanted.data}, not below {DATA}: take the official image.")
    if _is_there(stack, wanted.data):
        raise Refused(
            f"{wanted.data} is in the volume already, from an earlier upgrade. Look whether anybody needs it, and let "
            "`make drop-unused-postgres` remove it."
        )


def _switch(stack: Deployment, running: int, wanted: Image) -> None:
    """Let Pulumi exchange the servers; where the old one still runs after a failure, take the new folder away again.

    It would be older than the data by the next try.
    """
    try:
        stack.pulumi.run("up", "--yes")
    except CommandFailed as failed:
        if not _runs(stack, running):
            raise Refused(
                f"{failed}. The data are whole, in {wanted.data}; the services wait. Run `pulumi up --stack "
                f"{stack.pulumi.stack}` until it succeeds, and then `make upgrade-postgres`, which starts them."
            ) from None
        stack.docker("exec", stack.postgres, "rm", "-rf", wanted.data)
        stack.start_services()
        raise Refused(f"{failed}. PostgreSQL {running} runs as before, and so do the services.") from None


def drop_unused(stack: Deployment, ask: Ask) -> str:
    """Remove the folders of all majors but the one that runs, and return their names; raise Refused."""
    running = running_major(stack)
    listed = stack.docker("exec", stack.postgres, "find", DATA, "-mindepth", "1", "-maxdepth", "1", "-type", "d")
    unused = [path for path in listed.split() if re.fullmatch(rf"{DATA}/\d+", path) and path != f"{DATA}/{running}"]
    if not unused:
        return ""
    if not ask(f"This removes {', '.join(unused)} from the volume; PostgreSQL {running} runs."):
        raise Refused("Nothing was removed: say yes at the terminal, or give --yes.")
    stack.docker("exec", stack.postgres, "rm", "-rf", *unused)
    return ", ".join(unused)


def _fill(stack: Deployment, image: Image, tell: Callable[[str], None]) -> None:
    """Restore a dump of now into a new server in the volume; leave nothing of it where that fails."""
    dump = stack.script("dump")
    tell(f"The dump {dump} is made and proven. It is restored on PostgreSQL {image.major}.")
    new, made = stack.names.container("postgres-new"), f"{image.data}.new"
    _remove(stack, new)
    try:
        _start(stack, image, new, made)
        stack.script("restore", dump, "--discard", container=new)
        stack.docker("stop", "--time", "60", new)
        stack.docker("exec", stack.postgres, "mv", "-T", made, image.data)
    except CommandFailed as failed:
        logs = stack.docker.logs(new) if stack.docker.inspect("container", new) else ""
        raise Refused(f"PostgreSQL {image.major} did not take the data: {failed}\n{logs}") from None
    finally:
        _remove(stack, new)
        stack.docker("exec", stack.postgres, "rm", "-rf", made)


def _start(stack: Deployment, image: Image, name: str, folder: str) -> None:
    """Start the new server beside the old one, in the same volume, where nobody but the script reaches it."""
    secrets = _secrets(stack)
    words = ["run", "--detach", "--name", name, "--network", "none", "--user", USER, "--read-only"]
    words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--tmpfs", "/tmp:mode=1777"]  # noqa: S108
    words += ["--tmpfs", f"{SOCKETS}:mode=0700,uid={USER.partition(':')[0]}"]
    words += ["--volume", f"{stack.names.volume('postgres')}:{DATA}"]
    words += ["--volume", f"{stack.names.volume('backups')}:{DUMPS}"]
    own = {"PGHOST": SOCKETS, "BACKUPS": DUMPS, "POSTGRES_INITDB_ARGS": INITDB_ARGUMENTS}
    for variable in (*secrets, *own):
        words += ["--env", variable]  # its value is in the client's environment, and so in no list of processes
    words += ["--entrypoint", "bash", image.reference, "-c", *run_script("serve-new", folder)]
    stack.docker(*words, environment={**secrets, **own})
    waiting = "n=0; until pg_isready -q; do sleep 0.5; n=$((n + 1)); [ $n -lt 240 ] || exit 1; done"
    stack.docker("exec", name, "sh", "-c", waiting)


def _secrets(stack: Deployment) -> dict[str, str]:
    """Return what the container that dumps has in its environment, but for what its image brings."""
    found = stack.docker.inspect("container", stack.backup)
    if found is None:
        raise Refused(f"There is no container {stack.backup}: run `pulumi up` first.")
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
    """Read `postgres (PostgreSQL) 18.6 (Debian …)`."""
    found = re.search(r"\(PostgreSQL\) (\d+)", version)
    if found is None:
        raise Refused(f"This is no version of PostgreSQL: {version!r}.")
    return int(found[1])
