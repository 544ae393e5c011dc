"""The processors: replicas of one container, and a container that applies the migrations before they start."""

from collections.abc import Sequence
from dataclasses import replace

import pulumi
import pulumi_docker as docker

from infra.bindings import Binding, text
from infra.docker.backup import Backup
from infra.docker.container import Service, declare_container, folder_in_memory
from infra.docker.raw_volume import RawVolume
from infra.docker.sizes import Size
from infra.naming import DockerNames
from infra.protection import inside

ALIAS, PORT = "processor", 8080
USER = "10001:10001"
"""The account in both services' images. It is the same one, since only the owner of a segment can read it."""
STOP_SECONDS = 60
"""Enough to finish the current job."""
# The images have no HTTP client except Python.
HEALTH = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/health', timeout=4)"


class Processors(pulumi.ComponentResource):
    """The replicas, and the migrations that run before them."""

    def __init__(
        self,
        names: DockerNames,
        image: pulumi.Input[str],
        network: docker.Network,
        size: Size,
        raw: RawVolume,
        backup: Backup,
        bindings: Sequence[Binding],
        *,
        replicas: int,
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource],
    ) -> None:
        """Declare the migrations, which run after `after`, and the replicas, which start after the migrations."""
        super().__init__("leadminer:docker:Processors", "processors", None, inside(parent))
        service = Service(
            name=names.container("migrations"),
            image=image,
            user=USER,
            limits=size.processor,
            bindings=bindings,
            command=["migrate"],
            writable={"/tmp": folder_in_memory(64)},  # noqa: S108 (a folder in memory)
            stop_seconds=STOP_SECONDS,
        )
        self.migrations = declare_container("migrations", service, network, parent=self, after=after)
        self.containers = [
            declare_container(
                f"processor-{number}",
                _replica(service, names, number, raw, backup),
                network,
                parent=self,
                after=[self.migrations],
            )
            for number in range(1, replicas + 1)
        ]
        self.register_outputs({})

    def binding(self) -> Binding:
        """Return the URL of the HTTP API; any replica answers it."""
        return text("PROCESSOR_URL", f"http://{ALIAS}:{PORT}")


def _replica(service: Service, names: DockerNames, number: int, raw: RawVolume, backup: Backup) -> Service:
    own = [
        text("PROCESSOR_LISTEN", f"0.0.0.0:{PORT}"),
        text("PROCESSOR_NAME", f"{ALIAS}-{number}"),
        backup.binding(),
    ]
    return replace(
        service,
        name=names.container(ALIAS, number),
        bindings=[*service.bindings, *own],
        command=None,
        health=["CMD", "python", "-c", HEALTH.format(port=PORT)],
        alias=ALIAS,
        volumes=raw.mounts,
        shown=backup.shown,
    )
