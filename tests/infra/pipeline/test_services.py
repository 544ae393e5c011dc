"""Images and modules are built from the checkout, and the fetcher's image is published by digest."""

from pathlib import Path

import pytest

from infra.bundle import bundle_worker
from infra.docker.images import IMAGES
from infra.pipeline.failure import StepFailed
from infra.pipeline.services import build_bundle, registry
from infra.settings import COMMON
from tests.infra.pipeline.conftest import CHECKOUT, Scratch
from tests.support.docker_command import DockerCommand

REGISTRY = "registry.example.org/x"


@pytest.fixture
def docker(tmp_path: Path) -> DockerCommand:
    """Return a stand-in for the docker command."""
    return DockerCommand(tmp_path / "bin", REGISTRY)


def test_the_image_is_handed_on_by_its_digest(scratch: Scratch, docker: DockerCommand, tmp_path: Path) -> None:
    """The image is built with the pinned Python and pushed; the next jobs get its digest; the login is temporary."""
    output = tmp_path / "output"
    commit = scratch.git("rev-parse", "HEAD")
    given = {"REGISTRY": REGISTRY, "GITHUB_TOKEN": "the-token", "GITHUB_ACTOR": "jane"}

    done = scratch.step("publish", PATH=f"{docker.folder}:/usr/bin:/bin", GITHUB_OUTPUT=str(output), **given)

    build, login, push, inspect = docker.calls
    assert done.returncode == 0, done.stderr
    assert output.read_text() == f"fetcher=registry.example.org/x/fetcher@{docker.digest}\n"
    assert f"--build-arg PYTHON_IMAGE={IMAGES['imagePython'].reference}" in build
    assert f"--build-arg REVISION={commit}" in build
    assert login == "login registry.example.org --username jane --password-stdin | own login | the-token"
    assert push == f"push --quiet registry.example.org/x/fetcher:{commit} | own login | "
    assert inspect.startswith("image inspect")
    assert "the-token" not in done.stdout + done.stderr


def test_a_laptop_pushes_as_it_is_logged_in(scratch: Scratch, docker: DockerCommand) -> None:
    """Without a token, there is no login."""
    done = scratch.step("publish", PATH=f"{docker.folder}:/usr/bin:/bin", REGISTRY=REGISTRY)

    words = [line.split()[0] for line in docker.calls]
    assert (done.returncode, words) == (0, ["build", "push", "image"]), done.stderr


def test_a_digest_that_docker_does_not_know_is_told(scratch: Scratch, docker: DockerCommand) -> None:
    """The digest of another registry's image is not used."""
    done = scratch.step("publish", PATH=f"{docker.folder}:/usr/bin:/bin", REGISTRY="third.example.org")

    assert (done.returncode, "did not report its digest" in done.stderr) == (1, True)


def test_both_images_are_built(scratch: Scratch, docker: DockerCommand) -> None:
    """Both images get the names that the selfhost stack uses, and PYTHON_IMAGE replaces the base image."""
    done = scratch.step("images", PATH=f"{docker.folder}:/usr/bin:/bin", PYTHON_IMAGE="mine")

    fetcher, processor = docker.calls
    assert done.returncode == 0, done.stderr
    assert "--file services/Dockerfile --target fetcher --tag leadminer-fetcher:checkout ." in fetcher
    assert "--file services/Dockerfile --target processor --tag leadminer-processor:checkout ." in processor
    assert "--build-arg PYTHON_IMAGE=mine" in processor


def test_images_go_to_the_repositorys_registry() -> None:
    """The registry is REGISTRY, or that of the repository, in lowercase; with neither, the step fails."""
    assert registry({"GITHUB_REPOSITORY": "Example/Leadminer"}) == "ghcr.io/example/leadminer"
    assert registry({"GITHUB_REPOSITORY": "Example/Leadminer", "REGISTRY": "127.0.0.1:5000/"}) == "127.0.0.1:5000"
    with pytest.raises(StepFailed, match="make publish REGISTRY="):
        registry({})


def test_the_bundle_is_listed(sdk: Path) -> None:
    """Every module is listed with its size, and then the total."""
    bundle = bundle_worker(CHECKOUT, sdk)

    *lines, total = build_bundle()

    assert [line.split()[1] for line in lines] == list(bundle)
    assert total.split() == [
        f"{sum(module.size for module in bundle.values()):,}",
        *f"bytes in {len(bundle)} modules".split(),
    ]


def test_the_images_reference_is_one_that_a_stack_takes(scratch: Scratch, docker: DockerCommand) -> None:
    """The published reference is a valid value for the stack's image setting."""
    done = scratch.step("publish", PATH=f"{docker.folder}:/usr/bin:/bin", REGISTRY=REGISTRY)

    [setting] = [each for each in COMMON if each.variable == "FETCHER_IMAGE"]
    reference = done.stdout.splitlines()[-1]
    assert setting.allows(reference), reference
