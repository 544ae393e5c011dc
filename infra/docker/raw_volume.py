"""The volume for raw mail, shared by the fetcher and the processors."""

import pulumi
import pulumi_docker as docker

from infra.bindings import Binding, text
from infra.naming import DockerNames
from infra.protection import inside, kept

PATH = "/var/lib/leadminer/raw"
"""The mount path. The images create this folder, so that a new volume belongs to their account."""


class RawVolume(pulumi.ComponentResource):
    """The raw store, as a folder on the server."""

    def __init__(self, names: DockerNames, *, protected: bool, parent: pulumi.Resource) -> None:
        """Declare the volume."""
        super().__init__("leadminer:docker:RawVolume", "raw-volume", None, inside(parent))
        self.volume = docker.Volume("data", name=names.volume("raw"), opts=kept(self, protected=protected))
        self.register_outputs({"volume": self.volume.name})

    @property
    def mounts(self) -> dict[str, pulumi.Input[str]]:
        """The volume, by mount path."""
        return {PATH: self.volume.name}

    def binding(self) -> Binding:
        """Return the folder's path, bound to its setting."""
        return text("RAW_STORE_PATH", PATH)
