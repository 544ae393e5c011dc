"""The images: a table by tag and digest, and the services' own. A setting can replace each of them."""

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from infra.config import Settings
from infra.protection import inside

CHECKOUT = ".."
"""The checkout, relative to the program's folder, where Pulumi runs the provider. An absolute path would make the state
differ between machines."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image by name and tag, and the digest of its index (all platforms), empty if not known yet."""

    tag: str
    digest: str = ""

    @property
    def reference(self) -> str:
        """The reference to pull."""
        return f"{self.tag}@{self.digest}" if self.digest else self.tag


# The digests come from docker-library/repo-info, the record of the official images: repos/<file> at the commit named.
IMAGES = {
    # postgres/remote/18-trixie.md, 0b63eeca29bdd695a0db3d3249137b9929da650d (2026-09-19: 18.6)
    "imagePostgres": Image(
        "postgres:18-trixie", "sha256:86c951e05bf56c93d95d397747fb8820ac76cc3bedb78f43abd83eedbe3666ae"
    ),
    # redis/remote/8-trixie.md, 0ae7309187d6256f5549f0408473cfa4a23383ea (2026-09-19: 8.10.1)
    "imageRedis": Image("redis:8-trixie", "sha256:8a1efc5f479551822b47424ccae982026b633f28818eab0387348120a61e10e2"),
    # python/remote/3.14-slim.md, 34fa04a4e3c62b28b3d13a50a409ef82d6c52f2f (2026-08-05: 3.14.7)
    "imagePython": Image("python:3.14-slim", "sha256:e11c17f46f87983eb946b121694dedba6290ee2b0dd5294d137d82943502d179"),
}
"""Images to pull, by the setting that replaces each."""


class Images(pulumi.ComponentResource):
    """The images on one Docker host."""

    def __init__(self, settings: Settings, *, parent: pulumi.Resource) -> None:
        """Declare no image yet: each is declared when it is asked for."""
        super().__init__("leadminer:docker:Images", "images", None, inside(parent))
        self._settings = settings
        self.register_outputs({})

    def pulled(self, setting: str) -> pulumi.Input[str]:
        """Return the id of an image of the table, or of the image that its setting names instead."""
        return self._pull(setting, self._settings[setting] or IMAGES[setting].reference)

    def service(self, name: str) -> pulumi.Input[str]:
        """Return the id of a service's image: the one that its setting names, or else one built from the checkout."""
        setting = f"image{name.capitalize()}"
        if chosen := self._settings[setting]:
            return self._pull(setting, chosen)
        image = docker.Image(
            name,
            image_name=f"leadminer-{name}:checkout",
            skip_push=True,
            build=docker.DockerBuildArgs(
                context=CHECKOUT,
                dockerfile=f"{CHECKOUT}/services/Dockerfile",
                target=name,
                args={"PYTHON_IMAGE": self._settings["imagePython"] or IMAGES["imagePython"].reference},
            ),
            # Deleting the old image would remove the tag from the image that replaces it.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        return image.repo_digest

    def _pull(self, setting: str, reference: str) -> pulumi.Input[str]:
        if reference.startswith("sha256:"):
            return reference
        # Containers get the id: with a name, each `up` would replace them (pulumi-docker #325).
        return docker.RemoteImage(
            setting.removeprefix("image").lower(), name=reference, keep_locally=True, opts=inside(self)
        ).image_id
