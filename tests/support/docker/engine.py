"""A Docker engine for tests, separate from the machine's own, and images for it that come from no registry."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import docker  # type: ignore[import-untyped]
from docker.errors import DockerException  # type: ignore[import-untyped]

from infra.vendored import cache_folder

HERE = Path(__file__).parent
START_SECONDS = 60.0
STOP_SECONDS = 60.0
LOOK_SECONDS = 0.1
ANSWER_SECONDS = 300
BASE = "debian-trixie-1"
PYTHON_IMAGE = "leadminer-tests-python:1"
ADDRESSES = "base=10.231.0.0/16,size=24"
"""The address pool of container networks; it does not overlap with other engines' pools on the machine."""


class DockerMissing(RuntimeError):
    """No Docker engine can be started; the text says what to do."""


def make_base() -> Path:
    """Return an archive of the file system of an image with Python, built on the first call; raise DockerMissing."""
    place = cache_folder() / BASE
    place.mkdir(parents=True, exist_ok=True)
    made = place / "base.tar"
    with _locked(place / "lock"):  # concurrent runs on one machine take turns
        if not made.exists():
            command = ["bash", str(HERE / "base_image.sh"), str(made)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise DockerMissing(f"The base image could not be built: {done.stderr[-1000:]}")
    return made


class DockerEngine:
    """A Docker engine that listens on a socket."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.client = docker.DockerClient(self.host, timeout=ANSWER_SECONDS)

    @property
    def host(self) -> str:
        """Return the engine's address, in the form of DOCKER_HOST."""
        return f"unix://{self.socket}"

    def clear(self) -> None:
        """Remove all containers, networks and volumes."""
        for container in self.client.containers.list(all=True):
            container.remove(force=True, v=True)
        self.client.networks.prune()
        for volume in self.client.volumes.list():
            volume.remove(force=True)

    def remove_network(self, name: str) -> None:
        """Remove a network and all containers in it, if it exists."""
        for container in self.client.containers.list(all=True, filters={"network": name}):
            container.remove(force=True, v=True)
        for network in self.client.networks.list(names=[f"^{name}$"]):
            network.remove()

    def build_images(self) -> dict[str, str]:
        """Return the images that replace those of a registry, by the names of their settings; built once."""
        with _locked(self.socket.with_name("images.lock")):
            if not self.client.images.list(PYTHON_IMAGE):
                name, _, tag = PYTHON_IMAGE.partition(":")
                self.client.api.import_image_from_file(str(make_base()), repository=name, tag=tag)
            servers = {f"image{name.capitalize()}": self._build_server(name) for name in ("postgres", "redis")}
        return servers | {"imagePython": PYTHON_IMAGE}

    def _build_server(self, name: str) -> str:
        image, _ = self.client.images.build(
            path=str(HERE),
            dockerfile="servers.Dockerfile",
            target=name,
            tag=f"leadminer-tests-{name}:1",
            buildargs={"BASE_IMAGE": PYTHON_IMAGE},
            network_mode="host",
            rm=True,
        )
        return str(image.id)


class _Daemon:
    """dockerd on its own socket. Its images stay in the cache for the next run; only one run at a time can use it."""

    def __init__(self) -> None:
        if shutil.which("dockerd") is None or os.geteuid() != 0:
            raise DockerMissing(
                "dockerd is not installed, or you are not root. Install docker.io and debootstrap, and run as root."
            )
        self._folder = tempfile.TemporaryDirectory(prefix="lm-docker-")
        self.socket = Path(self._folder.name) / "docker.sock"
        self._kept = cache_folder() / "docker-1"
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; raise DockerMissing."""
        self._kept.mkdir(parents=True, exist_ok=True)
        self._lock = (self._kept / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        folder = Path(self._folder.name)
        command = ["dockerd", "--host", f"unix://{self.socket}", "--data-root", str(self._kept / "data")]
        command += ["--exec-root", str(folder / "run"), "--pidfile", str(folder / "pid")]
        command += ["--bridge", "none", "--default-address-pool", ADDRESSES]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + START_SECONDS
        while not _answers(self.socket):
            if self._process.poll() is not None or time.monotonic() > until:
                said = (folder / "log").read_text(errors="replace")[-2000:]
                raise DockerMissing(f"dockerd did not start: {said}")
            time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """Stop it, and let the next run have it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for mount in Path(self._folder.name).glob("run/netns/*"):
            subprocess.run(["umount", str(mount)], check=False)  # dockerd leaves its mounts behind
        if self._lock is not None:
            self._lock.close()
        self._folder.cleanup()


@contextlib.contextmanager
def shared_engine(folder: Path) -> Iterator[DockerEngine]:
    """Yield the engine that all processes with the same `folder` share; raise DockerMissing.

    The first process starts it, empties it, and stops it once no other uses it. Each names its stacks differently.
    """
    address = folder / "docker.socket"
    with contextlib.ExitStack() as leaving:
        users = leaving.enter_context((folder / "docker.users").open("a"))
        with _locked(folder / "docker.lock"):
            started = not address.exists()
            if started:
                daemon = _Daemon()
                leaving.callback(daemon.stop)
                daemon.start()
                address.write_text(str(daemon.socket))
            engine = DockerEngine(Path(address.read_text()))
            leaving.callback(engine.client.close)
            if started:
                leaving.callback(_retire, engine, users, folder)
                engine.clear()
            fcntl.flock(users, fcntl.LOCK_SH)
        yield engine


def _retire(engine: DockerEngine, users: IO[str], folder: Path) -> None:
    """Wait until no other process uses the engine, let none find it any more, and empty it."""
    while True:
        with _locked(folder / "docker.lock"), contextlib.suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (folder / "docker.socket").unlink()
            break
        time.sleep(LOOK_SECONDS)
    with contextlib.suppress(DockerException):
        engine.clear()


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(path)) == 0
