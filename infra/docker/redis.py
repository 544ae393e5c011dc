"""Redis: the job queue. Its jobs survive a restart and are never evicted."""

import pulumi
import pulumi_docker as docker

from infra.bindings import Binding, secret
from infra.docker.container import Service, declare_container, folder_in_memory
from infra.docker.images import Images
from infra.docker.sizes import Size
from infra.naming import DockerNames
from infra.passwords import declare_password
from infra.protection import inside, kept

ALIAS = "redis"
USER = "999:999"
"""The account `redis` of the official images on Debian."""
# The password comes through standard input: everyone on the server could read an argument.
START = """exec redis-server - <<END
bind * -::*
dir /data
appendonly yes
appendfsync everysec
maxmemory {memory}mb
maxmemory-policy noeviction
requirepass $REDIS_PASSWORD
END
"""


class Redis(pulumi.ComponentResource):
    """The server and its volume."""

    def __init__(
        self,
        names: DockerNames,
        images: Images,
        network: docker.Network,
        size: Size,
        *,
        protected: bool,
        parent: pulumi.Resource,
    ) -> None:
        """Declare the server."""
        super().__init__("leadminer:docker:Redis", "redis", None, inside(parent))
        self._password = declare_password("redis", parent=self)
        self.volume = docker.Volume("data", name=names.volume("redis"), opts=kept(self, protected=protected))
        service = Service(
            name=names.container("redis"),
            image=images.pulled("imageRedis"),
            user=USER,
            limits=size.redis,
            bindings=[secret("REDIS_PASSWORD", self._password)],
            entrypoint=["sh", "-c"],
            command=[START.format(memory=size.redis_memory)],
            health=["CMD-SHELL", 'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli ping | grep -q PONG'],
            alias=ALIAS,
            volumes={"/data": self.volume.name},
            writable={"/tmp": folder_in_memory(16)},  # noqa: S108 (a folder in memory)
        )
        self.container = declare_container("server", service, network, parent=self)
        self.register_outputs({"volume": self.volume.name})

    def binding(self) -> Binding:
        """Return the URL, with its password."""
        return secret("REDIS_URL", pulumi.Output.concat("redis://:", self._password, f"@{ALIAS}:6379/0"))
