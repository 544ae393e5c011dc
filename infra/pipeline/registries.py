"""Resolves tags: those of images through their registry's HTTP API, those of actions through git."""

import hashlib
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from infra.commands import capture
from infra.pipeline.failure import StepFailed

TIMEOUT_SECONDS = 60.0
HUB = "registry-1.docker.io"
KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""Manifest types: the index of all platforms is preferred, that of a single platform is the fallback."""
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image is: registry, repository and tag."""

    registry: str
    repository: str
    tag: str

    @classmethod
    def of(cls, reference: str) -> "Place":
        """Read a name with a tag as Docker does: without a host, it is on Docker Hub."""
        name, _, tag = reference.rpartition(":")
        host, slash, rest = name.partition("/")
        if slash and ("." in host or ":" in host or host == "localhost"):
            return cls(host, rest, tag)
        return cls(HUB, name if slash else f"library/{name}", tag)

    @property
    def url(self) -> str:
        """The URL of the manifest; as in Docker, a registry on this machine speaks plain HTTP."""
        here = self.registry.partition(":")[0] in ("127.0.0.1", "localhost")
        return f"{'http' if here else 'https'}://{self.registry}/v2/{self.repository}/manifests/{self.tag}"


def resolve_image(reference: str) -> str:
    """Return the digest that a tag has now, checked against the manifest; raise StepFailed."""
    place = Place.of(reference)
    try:
        data, said = _fetch(place.url)
    except OSError as error:
        raise StepFailed(f"Cannot resolve {reference}: {error}") from None
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if said and said != digest:
        raise StepFailed(f"{place.registry} says that {reference} is {said}, but sent {digest}.")
    return digest


def resolve_action(name: str, version: str) -> str:
    """Return the commit of an action's version; raise StepFailed if there is no such tag."""
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    repository = "/".join(name.split("/")[:2])
    tags = [f"refs/tags/{version}", f"refs/tags/{version}^{{}}"]
    found = capture(["git", "ls-remote", f"{server}/{repository}", *tags], {"GIT_TERMINAL_PROMPT": "0"}).split()
    if not found:
        raise StepFailed(f"{name} has no version {version}.")
    return found[-2]  # an annotated tag is followed by its commit


def _fetch(url: str) -> tuple[bytes, str]:
    """Return a manifest and the digest that its registry states; get a token if the registry asks for one."""
    try:
        return _read(url)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        challenge = dict(_CHALLENGE.findall(error.headers.get("WWW-Authenticate", "")))
    query = urllib.parse.urlencode({name: challenge[name] for name in ("service", "scope") if name in challenge})
    answer = json.loads(_read(f"{challenge.get('realm', '')}?{query}")[0])
    return _read(url, answer.get("token") or answer["access_token"])


def _read(url: str, token: str = "") -> tuple[bytes, str]:
    if not url.startswith(("https://", "http://")):
        raise StepFailed("The registry asks for a token, but does not say where to get one.")
    headers = {"Accept": ", ".join(KINDS)} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (its scheme was checked)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
        return answer.read(), answer.headers.get("Docker-Content-Digest", "")
