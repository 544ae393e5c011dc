"""Backups: a container that dumps both databases every night, and the volume for the dumps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_docker as docker

from infra.bindings import Binding, text
from infra.config import Settings
from infra.docker.container import Service, declare_container, folder_in_memory
from infra.docker.postgres import DATA, MINING, PERMANENT, SETUP_SQL, USER, Postgres
from infra.docker.sizes import Size
from infra.naming import DockerNames
from infra.protection import inside, kept

SCRIPT = (Path(__file__).parent / "backup.sh").read_text("utf-8")
SHOWN = "/backups"
PATH, SETUP_PATH = "/tmp/backup.sh", "/tmp/databases.sql"  # noqa: S108 (a folder in memory)
"""Where the container has the script, and the SQL that creates databases and roles."""


@dataclass(frozen=True, slots=True)
class Nights:
    """How many dumps to keep, and at which hour (UTC) to make them."""

    kept: int
    hour: int

    @classmethod
    def of(cls, settings: Settings) -> "Nights":
        """Read the settings."""
        return cls(int(settings["backupsKept"]), int(settings["backupHour"]))


def run_script(*words: str) -> list[str]:
    """Return the argument for `bash -c` that writes the script to PATH, for `docker exec` too, and runs a command."""
    written = f"cat >{PATH} <<'END OF SCRIPT'\n{SCRIPT}END OF SCRIPT\n"
    written += f"cat >{SETUP_PATH} <<'END OF SCRIPT'\n{SETUP_SQL}END OF SCRIPT\n"
    return [f"{written}exec bash {PATH} {' '.join(words)}\n"]


class Backup(pulumi.ComponentResource):
    """One container and its volume. It uses the server's image, so that its tools match the server's version."""

    def __init__(self, names: DockerNames, *, protected: bool, parent: pulumi.Resource) -> None:
        """Declare the volume."""
        super().__init__("leadminer:docker:Backup", "backup", None, inside(parent))
        self._names = names
        self.volume = docker.Volume("data", name=names.volume("backups"), opts=kept(self, protected=protected))

    @property
    def shown(self) -> dict[str, pulumi.Input[str]]:
        """The volume, by the path where processors read the names of the dumps."""
        return {SHOWN: self.volume.name}

    def binding(self) -> Binding:
        """Return that path, bound to its setting."""
        return text("BACKUPS_PATH", SHOWN)

    def start(
        self,
        postgres: Postgres,
        network: docker.Network,
        size: Size,
        nights: Nights,
        *,
        after: Sequence[pulumi.Resource],
    ) -> None:
        """Declare the container."""
        own = [
            text("PERMANENT_DATABASE", PERMANENT),
            text("MINING_DATABASE", MINING),
            text("SETUP_SQL", SETUP_PATH),
            # The image has this folder, owned by its account, and a new volume gets the same owner.
            text("BACKUPS", DATA),
            text("BACKUPS_KEPT", str(nights.kept)),
            text("BACKUP_HOUR", str(nights.hour)),
        ]
        service = Service(
            name=self._names.container("backup"),
            image=postgres.image,
            user=USER,
            limits=size.redis,
            bindings=[*postgres.administrator(), *own],
            entrypoint=["bash", "-c"],
            command=run_script("nightly"),
            health=["CMD", "bash", PATH, "healthy"],
            volumes={DATA: self.volume.name},
            writable={"/tmp": folder_in_memory(16)},  # noqa: S108 (a folder in memory)
        )
        self.container = declare_container("nightly", service, network, parent=self, after=after)
        self.register_outputs({"volume": self.volume.name})
