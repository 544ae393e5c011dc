"""Builds the services' images and the Worker's modules from the checkout, and publishes the fetcher's image."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from infra.bundle import bundle_worker
from infra.commands import CHECKOUT, capture, run
from infra.pipeline.failure import StepFailed
from infra.pipeline.github import write_output
from infra.pipeline.release import read_version
from infra.vendored import vendor

SERVICES = ("fetcher", "processor")
LOCK = CHECKOUT / "requirements" / "worker.lock"


def build_images() -> None:
    """Build both services' images, under the names that the selfhost stack uses."""
    for service in SERVICES:
        build(service, f"leadminer-{service}:checkout")


def publish_fetcher() -> str:
    """Build and push the fetcher's image, and return its reference by digest, for the Cloudflare stacks to run."""
    tag = f"{registry(os.environ)}/fetcher:{_revision()}"
    build("fetcher", tag)
    with login(os.environ, tag.partition("/")[0]) as environ:
        run(["docker", "push", "--quiet", tag], environ)
    name = tag.rpartition(":")[0]
    digests = json.loads(capture(["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", tag]))
    reference = next((str(each) for each in digests if each.startswith(f"{name}@")), None)
    if reference is None:
        raise StepFailed(f"Docker pushed {tag}, but did not report its digest.")
    write_output("fetcher", reference)
    return reference


def build(service: str, tag: str) -> None:
    """Build one service's image; PYTHON_IMAGE replaces the pinned Python."""
    from infra.docker.images import IMAGES  # slow to import, so only when needed

    arguments = {
        "PYTHON_IMAGE": os.environ.get("PYTHON_IMAGE") or IMAGES["imagePython"].reference,
        "VERSION": read_version(),
        "REVISION": _revision(),
    }
    options = [option for name, value in arguments.items() for option in ("--build-arg", f"{name}={value}")]
    run(["docker", "build", *options, "--file", "services/Dockerfile", "--target", service, "--tag", tag, "."])


def build_bundle() -> Iterator[str]:
    """Yield one line per module of the Worker with its size, then the total; raise UnfitBundle."""
    bundle = bundle_worker(CHECKOUT, vendor(LOCK))
    for name, module in bundle.items():
        yield f"{module.size:>9,} {name}"
    yield f"{sum(module.size for module in bundle.values()):>9,} bytes in {len(bundle)} modules"


def registry(environ: Mapping[str, str]) -> str:
    """Return where to publish images: REGISTRY, or GitHub's registry under the repository's name."""
    if given := environ.get("REGISTRY"):
        return given.rstrip("/")
    repository = environ.get("GITHUB_REPOSITORY")
    if not repository:
        raise StepFailed("Set REGISTRY to publish: make publish REGISTRY=ghcr.io/OWNER/REPOSITORY")
    return f"ghcr.io/{repository.lower()}"


@contextmanager
def login(environ: Mapping[str, str], host: str) -> Iterator[dict[str, str]]:
    """Yield variables that let Docker push; a workflow's login is deleted at the end."""
    token = environ.get("GITHUB_TOKEN")
    if not token:
        yield {}  # uses the login of whoever runs this
        return
    with tempfile.TemporaryDirectory(prefix="leadminer-docker-") as folder:
        own = {"DOCKER_CONFIG": folder}
        user = environ.get("GITHUB_ACTOR") or "token"
        run(["docker", "login", host, "--username", user, "--password-stdin"], own, text=token)
        yield own


def _revision() -> str:
    return capture(["git", "rev-parse", "HEAD"]).strip()
