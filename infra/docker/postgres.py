"""PostgreSQL: one server with a permanent and a temporary database, and one role per database with no other rights."""

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_docker as docker

from infra.bindings import Binding, secret, text
from infra.docker.container import Service, declare_container, folder_in_memory
from infra.docker.images import Images
from infra.docker.sizes import Size, max_connections
from infra.naming import DockerNames
from infra.passwords import declare_password
from infra.protection import inside, kept

ALIAS = "postgres"
PERMANENT, MINING = "leadminer", "leadminer_mining"
"""Names of the databases, and of the roles that own them."""
USER = "999:999"
"""The account `postgres` of the official images on Debian."""
DATA = "/var/lib/postgresql"
"""The image keeps one folder per major version below it, so an upgrade has the old and the new one side by side."""
INITDB_ARGUMENTS = "--auth-host=scram-sha-256 --auth-local=peer --data-checksums"
SETUP_SQL = (Path(__file__).parent / "databases.sql").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Database:
    """One database, and its role's access to it."""

    setting: str
    name: str
    password: pulumi.Output[str]

    def binding(self) -> Binding:
        """Return the connection string, bound to its setting."""
        return secret(
            self.setting,
            pulumi.Output.concat(f"postgresql://{self.name}:", self.password, f"@{ALIAS}:5432/{self.name}"),
        )


class Postgres(pulumi.ComponentResource):
    """The server, and a container that creates databases and roles, then exits."""

    def __init__(
        self,
        names: DockerNames,
        images: Images,
        network: docker.Network,
        size: Size,
        *,
        processors: int,
        protected: bool,
        parent: pulumi.Resource,
    ) -> None:
        """Declare the server, its volume, and its databases."""
        super().__init__("leadminer:docker:Postgres", "postgres", None, inside(parent))
        self._superuser = declare_password("postgres", parent=self)
        self.permanent = Database(
            "POSTGRES_CONNECTION_STRING", PERMANENT, declare_password("postgres-permanent", parent=self)
        )
        self.mining = Database(
            "POSTGRES_MINING_CONNECTION_STRING", MINING, declare_password("postgres-mining", parent=self)
        )
        self.image = images.pulled("imagePostgres")
        self.volume = docker.Volume("data", name=names.volume("postgres"), opts=kept(self, protected=protected))
        self.container = declare_container("server", self._server(names, size, processors), network, parent=self)
        self.databases = declare_container(
            "databases", self._setup(names, size), network, parent=self, after=[self.container]
        )
        self.register_outputs({"volume": self.volume.name})

    def administrator(self) -> list[Binding]:
        """Return the superuser's connection settings, and the passwords that databases.sql needs."""
        return [
            text("PGHOST", ALIAS),
            text("PGUSER", "postgres"),
            text("PGDATABASE", "postgres"),
            secret("PGPASSWORD", self._superuser),
            secret("PERMANENT_PASSWORD", self.permanent.password),
            secret("MINING_PASSWORD", self.mining.password),
        ]

    def _server(self, names: DockerNames, size: Size, processors: int) -> Service:
        options = {
            # Set here, not by the image's sample file: the data folder may come from an upgrade, without that file.
            "listen_addresses": "*",
            "shared_buffers": f"{size.shared_buffers}MB",
            "max_connections": f"{max_connections(processors)}",
            "password_encryption": "scram-sha-256",
            "log_statement": "none",
            "log_min_error_statement": "panic",
        }
        return Service(
            name=names.container("postgres"),
            image=self.image,
            user=USER,
            limits=size.postgres,
            bindings=[
                secret("POSTGRES_PASSWORD", self._superuser),
                text("POSTGRES_INITDB_ARGS", INITDB_ARGUMENTS),
            ],
            command=["postgres", *(part for name, value in options.items() for part in ("-c", f"{name}={value}"))],
            health=["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres"],
            alias=ALIAS,
            volumes={DATA: self.volume.name},
            writable={
                "/tmp": folder_in_memory(16),  # noqa: S108 (a folder in memory)
                "/var/run/postgresql": folder_in_memory(1, user=USER),
            },
            stop_seconds=60,
            shared_memory=size.shared_buffers,
        )

    def _setup(self, names: DockerNames, size: Size) -> Service:
        return Service(
            name=names.container("databases"),
            image=self.image,
            user=USER,
            limits=size.redis,
            bindings=self.administrator(),
            entrypoint=["sh", "-c"],
            command=[f"exec psql -X -q -v ON_ERROR_STOP=1 <<'END'\n{SETUP_SQL}END\n"],
            writable={"/tmp": folder_in_memory(16)},  # noqa: S108 (a folder in memory)
        )
