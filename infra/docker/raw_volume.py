"""The volume of raw mail, which fetcher and processors share."""

import pulumi
import pulumi_docker as docker

from infra.bindings import Binding, text
from infra.naming import DockerNames
from infra.protection import inside, kept

PATH = "/var/lib/leadminer/raw"
"""Where it is mounted; the images make the folder, so that a new volume belongs to their account."""


class RawVolume(pulumi.ComponentResource):
    """A folder on the server."""

    def __init__(self, names: DockerNames, *, protected: bool, parent: pulumi.Resource) -> None:
        """Declare the volume."""
        super().__init__("leadminer:docker:RawVolume", "raw-volume", None, inside(parent))
        self.volume = docker.Volume("data", name=names.volume("raw"), opts=kept(self, protected=protected))
        self.register_outputs({"volume": self.volume.name})

    @property
    def mounts(self) -> dict[str, pulumi.Input[str]]:
        """The volume by its path."""
        return {PATH: self.volume.name}

    def binding(self) -> Binding:
        """Return where the folder is."""
        return text("RAW_STORE_PATH", PATH)
