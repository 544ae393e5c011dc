"""The stack on one server: its resources, and the order in which they start."""

from typing import Any

import pulumi
import pulumi_docker as docker

from infra.bindings import Binding, previous_token, secret, text
from infra.config import Settings
from infra.docker.backup import Backup, Nights
from infra.docker.fetcher import Fetcher, Published
from infra.docker.images import Images
from infra.docker.postgres import ALIAS, PERMANENT, Postgres
from infra.docker.processors import Processors
from infra.docker.raw_volume import RawVolume
from infra.docker.redis import Redis
from infra.docker.sizes import size_for
from infra.naming import DockerNames
from infra.passwords import declare_password
from infra.protection import inside


class SelfHost(pulumi.ComponentResource):
    """PostgreSQL, Redis, the processors, the fetcher and the backups on one Docker host."""

    def __init__(self, settings: Settings) -> None:
        """Declare everything."""
        host = docker.Provider("docker", host=settings["dockerHost"])
        super().__init__("leadminer:docker:SelfHost", "selfhost", None, pulumi.ResourceOptions(providers=[host]))
        names, replicas, protected = DockerNames(settings["prefix"]), int(settings["processors"]), settings.protected
        size = size_for(settings["size"], processors=replicas)
        self.token = declare_password("processor-token", parent=self)
        self.network = docker.Network("network", name=names.network, driver="bridge", opts=inside(self))
        self.images = Images(settings, parent=self)
        self.postgres = Postgres(
            names, self.images, self.network, size, processors=replicas, protected=protected, parent=self
        )
        self.redis = Redis(names, self.images, self.network, size, protected=protected, parent=self)
        self.raw = RawVolume(names, protected=protected, parent=self)
        self.backup = Backup(names, protected=protected, parent=self)
        self.processors = Processors(
            names,
            self.images.service("processor"),
            self.network,
            size,
            self.raw,
            self.backup,
            [*self._shared(settings), self.postgres.permanent.binding(), self.postgres.mining.binding()],
            replicas=replicas,
            parent=self,
            after=[self.postgres.databases, self.redis.container],
        )
        # The fetcher's settings need a connection string, but it never connects: this one has no credentials.
        away = text("POSTGRES_CONNECTION_STRING", f"postgresql://{ALIAS}:5432/{PERMANENT}")
        self.fetcher = Fetcher(
            names.container("fetcher"),
            self.images.service("fetcher"),
            self.network,
            size,
            [*self._shared(settings), self.processors.binding(), away],
            Published.of(settings),
            parent=self,
            volumes=self.raw.mounts,
            after=self.processors.containers,
        )
        # The first dump is made at once, and needs the tables.
        self.backup.start(self.postgres, self.network, size, Nights.of(settings), after=[self.processors.migrations])
        self._care = {"prefix": settings["prefix"], "dockerHost": settings["dockerHost"]}
        self.register_outputs({})

    def _shared(self, settings: Settings) -> list[Binding]:
        return [
            text("STORAGE_MODE", "postgresql"),
            self.redis.binding(),
            self.raw.binding(),
            secret("PROCESSOR_TOKEN", self.token),
            *previous_token(settings.secrets),
        ]

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        return {
            "url": self.fetcher.url,
            "token": self.fetcher.token,
            "processorToken": self.token,
            "fetcher": self.fetcher.container.name,
            "processors": [container.name for container in self.processors.containers],
            "volumes": [each.volume.name for each in (self.postgres, self.redis, self.raw, self.backup)],
            **self._care,
        }
