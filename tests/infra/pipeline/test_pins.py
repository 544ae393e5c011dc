"""Missing pins are filled in from registries and git servers, and nothing is deployed without them."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.docker.images import IMAGES
from infra.pipeline.failure import StepFailed
from infra.pipeline.pins import read_pins
from infra.pipeline.registries import Place, resolve_image
from tests.infra.pipeline.conftest import Scratch
from tests.support.registry import Registry

TABLE = "infra/docker/images.py"


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Yield a registry without any image."""
    with Registry() as server:
        yield server


@pytest.fixture
def actions(tmp_path: Path) -> Path:
    """Return a folder of bare repositories, as on a git server."""
    for name, version, kind in (("actions/checkout", "v9.0.0", ["-a", "-m", "x"]), ("pulumi/actions", "v7.0.0", [])):
        work = tmp_path / "work" / name
        subprocess.run(["git", "init", "-q", "-b", "main", work], check=True)
        who = ["-c", "user.name=Jane Doe", "-c", "user.email=jane@example.org"]
        subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", name], cwd=work, check=True)
        subprocess.run(["git", *who, "tag", *kind, version], cwd=work, check=True)
        subprocess.run(["git", "clone", "-q", "--bare", work, tmp_path / "server" / name], check=True)
    return tmp_path


def commit_of(actions: Path, name: str) -> str:
    """Return the commit of an action's only version."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=actions / "work" / name, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def loosen(scratch: Scratch, name: str, tag: str) -> None:
    """Remove an image's digest from the table."""
    file = scratch.folder / TABLE
    text = file.read_text("utf-8")
    changed = re.sub(rf'"{name}": Image\([^)]*\)', f'"{name}": Image("{tag}")', text)
    assert changed != text
    file.write_text(changed, "utf-8")


def is_formatted(scratch: Scratch) -> bool:
    """Return whether ruff would leave the table as it is."""
    command = [str(Path(sys.executable).with_name("ruff")), "format", "--check", "-q", str(scratch.folder / TABLE)]
    return subprocess.run(command, check=False).returncode == 0


def test_the_table_is_read_as_it_is() -> None:
    """`make pin` reads the same table from the file as the program imports."""
    images = {each.name: (each.version, each.pin) for each in read_pins() if not each.is_action}

    assert images == {name: (image.tag, image.digest) for name, image in IMAGES.items()}


def test_all_is_pinned_today(scratch: Scratch) -> None:
    """If everything is pinned, `make pin` says how to update a pin and changes nothing."""
    done = scratch.step("pin")

    assert (done.returncode, done.stdout.startswith("Everything is pinned.")) == (0, True), done.stderr
    assert scratch.git("status", "--porcelain") == ""


def test_what_is_missing_is_filled_in(scratch: Scratch, registry: Registry, actions: Path) -> None:
    """Images are pinned through their registry, with a token if needed; actions through git, in every workflow."""
    digest = registry.push("library/redis", "8", "redis")
    loosen(scratch, "imageRedis", f"{registry.host}/library/redis:8")
    for file in (scratch.folder / ".github/workflows").glob("*.yml"):
        text = re.sub(r"actions/checkout@\S+ # \S+", "actions/checkout@v9.0.0", file.read_text("utf-8"))
        file.write_text(text, "utf-8")

    done = scratch.step("pin", GITHUB_SERVER_URL=f"file://{actions / 'server'}")

    found = {each.name: (each.version, each.pin) for each in read_pins(scratch.folder)}
    assert done.returncode == 0, done.stderr
    assert found["imageRedis"] == (f"{registry.host}/library/redis:8", digest)
    assert found["actions/checkout"] == ("v9.0.0", commit_of(actions, "actions/checkout"))
    assert found["imagePython"] == (IMAGES["imagePython"].tag, IMAGES["imagePython"].digest)
    assert is_formatted(scratch)
    assert re.search(
        r"^\| `actions/checkout` \| v9\.0\.0 \| its own repository, asked",
        (scratch.folder / "docs/develop.md").read_text(),
        re.M,
    )


def test_what_is_asked_for_is_refreshed(scratch: Scratch, registry: Registry, actions: Path) -> None:
    """A named image or action is pinned to another tag or its current commit, and its old source is removed."""
    digest = registry.push("python", "3.15-slim-a-name-that-makes-the-entry-too-long-for-a-line", "python")
    tag = f"{registry.host}/python:3.15-slim-a-name-that-makes-the-entry-too-long-for-a-line"

    done = scratch.step("pin", f"imagePython={tag}", "pulumi/actions", GITHUB_SERVER_URL=f"file://{actions / 'server'}")

    found = {each.name: (each.version, each.pin) for each in read_pins(scratch.folder)}
    table = (scratch.folder / TABLE).read_text("utf-8")
    assert done.returncode == 0, done.stderr
    assert found["imagePython"] == (tag, digest)
    assert found["pulumi/actions"] == ("v7.0.0", commit_of(actions, "pulumi/actions"))
    assert "python/remote/" not in table
    assert "redis/remote/" in table
    assert is_formatted(scratch)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [("imageMysql", "There is no imageMysql to pin"), ("actions/checkout@v10.0.0", "has no version v10.0.0")],
)
def test_what_is_not_there_is_told(scratch: Scratch, actions: Path, wanted: str, said: str) -> None:
    """An unknown image or version is named in the error, and nothing is written."""
    done = scratch.step("pin", wanted, GITHUB_SERVER_URL=f"file://{actions / 'server'}")

    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert scratch.git("status", "--porcelain") == ""


def test_a_registry_that_lies_is_not_believed(registry: Registry) -> None:
    """A registry whose digest does not match the manifest it sends is refused."""
    registry.push("library/redis", "8", "redis")
    registry.lies = True

    with pytest.raises(StepFailed, match="but sent sha256:"):
        resolve_image(f"{registry.host}/library/redis:8")


def test_an_unknown_tag_is_told(registry: Registry) -> None:
    """The error names the tag that cannot be resolved."""
    with pytest.raises(StepFailed, match=r"Cannot resolve \S+/library/redis:9"):
        resolve_image(f"{registry.host}/library/redis:9")


@pytest.mark.parametrize("loose", ["imagePython", "actions/checkout"])
def test_nothing_is_deployed_while_a_pin_is_missing(scratch: Scratch, loose: str) -> None:
    """A missing pin stops a deployment before any program starts; the error names it and the fix."""
    if loose == "imagePython":
        loosen(scratch, loose, "python:3.14-slim")
    else:
        scratch.write(
            ".github/workflows/ci.yml", "checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7", "checkout@v7"
        )
        for name in ("cloudflare-deploy", "drift", "preview"):
            file = f".github/workflows/{name}.yml"
            scratch.write(file, "checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7", "checkout@v7")

    done = scratch.step("deploy", "staging", PATH="/nowhere")

    assert done.returncode == 1
    assert f"Not pinned: {loose}" in done.stderr
    assert "make pin" in done.stderr


def test_two_versions_of_an_action_are_told(scratch: Scratch) -> None:
    """An action may have only one version in all workflows."""
    file = ".github/workflows/ci.yml"
    scratch.write(file, "checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", f"checkout@{'0' * 40} # v8.0.0")

    with pytest.raises(StepFailed, match=r"Several versions in \.github/workflows: actions/checkout\."):
        read_pins(scratch.folder)


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("redis:8", "https://registry-1.docker.io/v2/library/redis/manifests/8"),
        ("someone/redis:8", "https://registry-1.docker.io/v2/someone/redis/manifests/8"),
        ("ghcr.io/a/b/c:1.0", "https://ghcr.io/v2/a/b/c/manifests/1.0"),
        ("registry.example.org:5000/redis:8", "https://registry.example.org:5000/v2/redis/manifests/8"),
        ("127.0.0.1:5000/redis:8", "http://127.0.0.1:5000/v2/redis/manifests/8"),
    ],
)
def test_names_are_read_as_docker_does(reference: str, url: str) -> None:
    """Short names are on Docker Hub, other hosts are kept, and only this machine is reached by plain HTTP."""
    assert Place.of(reference).url == url
