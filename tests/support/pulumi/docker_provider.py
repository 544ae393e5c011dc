"""Stands in for the provider `docker`: creates what is declared in a real Docker engine."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped]
from docker.errors import ImageNotFound  # type: ignore[import-untyped]
from docker.utils.build import exclude_paths  # type: ignore[import-untyped]

from tests.support.pulumi.docker_container import Container
from tests.support.pulumi.provider import Kind, Properties, Provider, Refused, serve

TIMEOUT_SECONDS = 300


class Network(Kind):
    """A network of containers; its id is Docker's."""

    inputs = frozenset({"name", "driver"})
    required = inputs

    def __init__(self, engine: docker.APIClient) -> None:
        self._engine = engine

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Create it."""
        made = self._engine.create_network(inputs["name"], driver=inputs["driver"], check_duplicate=True)
        return made["Id"], {}

    def read(self, identity: str, state: Properties) -> bool:
        """Return whether it exists."""
        return bool(self._engine.networks(ids=[identity]))

    def delete(self, identity: str, state: Properties) -> None:
        """Remove it."""
        if self.read(identity, state):
            self._engine.remove_network(identity)


class Volume(Kind):
    """A named volume; an existing one of that name is used unchanged, as in Docker."""

    inputs = frozenset({"name"})
    required = inputs
    outputs = frozenset({"mountpoint"})

    def __init__(self, engine: docker.APIClient) -> None:
        self._engine = engine

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Create it."""
        made = self._engine.create_volume(inputs["name"])
        return made["Name"], {"mountpoint": made["Mountpoint"]}

    def read(self, identity: str, state: Properties) -> bool:
        """Return whether it exists."""
        return any(volume["Name"] == identity for volume in self._engine.volumes()["Volumes"] or [])

    def delete(self, identity: str, state: Properties) -> None:
        """Remove it, with what it holds."""
        if self.read(identity, state):
            self._engine.remove_volume(identity)


class RemoteImage(Kind):
    """An image by name; it is pulled if missing, which fails without a registry."""

    inputs = frozenset({"name", "keepLocally"})
    required = frozenset({"name"})
    outputs = frozenset({"imageId", "repoDigest"})

    def __init__(self, engine: docker.APIClient) -> None:
        self._engine = engine

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Find it, or pull it."""
        try:
            found = self._engine.inspect_image(inputs["name"])
        except ImageNotFound:
            self._engine.pull(inputs["name"])
            found = self._engine.inspect_image(inputs["name"])
        return f"{found['Id']}{inputs['name']}", {"imageId": found["Id"], "repoDigest": _digest(found)}


def _digest(image: Mapping[str, Any]) -> str:
    return next(iter(image.get("RepoDigests") or []), "")


class Image(Kind):
    """An image built from a folder with Docker's classic builder."""

    inputs = frozenset({"imageName", "skipPush", "build", "buildOnPreview"})
    required = frozenset({"imageName", "build"})
    updatable = inputs
    outputs = frozenset({"repoDigest", "baseImageName"})
    arguments = frozenset({"context", "dockerfile", "args", "platform", "target"})

    def __init__(self, engine: docker.APIClient) -> None:
        self._engine = engine

    def check(self, inputs: Properties) -> list[str]:
        """Refuse pushes and unknown build arguments."""
        faults = super().check(inputs)
        if inputs.get("skipPush") is not True:
            faults.append("skipPush must be true: there is no registry here")
        unknown = sorted(inputs.get("build", {}).keys() - self.arguments)
        return faults + [f"build.{name} is not a known input" for name in unknown]

    def complete(self, inputs: Properties) -> Properties:
        """Add a digest of everything that the build can read, so that a changed file is a changed input."""
        build = inputs["build"]
        return inputs | {"build": build | {"contextDigest": _digest_of(Path(build["context"]))}}

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Build it."""
        build = inputs["build"]
        stream = self._engine.build(
            path=str(Path(build["context"]).resolve()),
            dockerfile=str(Path(build["dockerfile"]).resolve()),
            buildargs=build.get("args"),
            target=build.get("target"),
            tag=inputs["imageName"],
            network_mode="host",  # the tests' engine has no default network
            rm=True,
            forcerm=True,
            decode=True,
        )
        last = ""
        for line in stream:
            last += line.get("stream", "")
            if "error" in line:
                raise Refused(f"{inputs['imageName']} could not be built: {line['error']}\n{last[-2000:]}")
        identity = self._engine.inspect_image(inputs["imageName"])["Id"]
        return identity, {"repoDigest": identity, "baseImageName": inputs["imageName"]}

    def update(self, identity: str, inputs: Properties, state: Properties) -> Properties:
        """Rebuild it."""
        return self.create(inputs)[1]


def _digest_of(context: Path) -> str:
    """Return a digest of the files in a build's context: names, modes and contents."""
    ignored = (context / ".dockerignore").read_text("utf-8").splitlines()
    patterns = [line for line in ignored if line and not line.startswith("#")]
    out = hashlib.sha256()
    for name in sorted(exclude_paths(str(context.resolve()), patterns)):
        file = context / name
        if file.is_file():
            out.update(f"{name}\0{file.stat().st_mode:o}\0".encode() + file.read_bytes())
    return out.hexdigest()


class DockerProvider(Provider):
    """One Docker engine."""

    package = "pulumi-docker"
    deletes_first = False

    def kinds(self, settings: Properties) -> Mapping[str, Kind]:
        """Return the kinds on the engine that `host` names."""
        engine = docker.APIClient(settings["host"], version="auto", timeout=TIMEOUT_SECONDS)
        return {
            "docker:index/container:Container": Container(engine),
            "docker:index/image:Image": Image(engine),
            "docker:index/network:Network": Network(engine),
            "docker:index/remoteImage:RemoteImage": RemoteImage(engine),
            "docker:index/volume:Volume": Volume(engine),
        }


if __name__ == "__main__":
    serve(DockerProvider())
