"""Stands in for a registry that images are pushed to: it accepts them and keeps only their digests."""

import hashlib
from urllib.parse import parse_qs, urlsplit

from tests.support.http_stand_in import Answer, Asked, HttpStandIn

DIGEST = "Docker-Content-Digest"


class PushRegistry(HttpStandIn):
    """A registry on loopback, where Docker does not require TLS; use it as a context manager."""

    def __init__(self) -> None:
        self.pushed: dict[str, str] = {}
        """The manifests' digests by `repository:tag`."""
        self._blobs: set[str] = set()
        super().__init__(self._answer)

    def _answer(self, asked: Asked) -> Answer:
        url = urlsplit(asked.path)
        if url.path == "/v2/":
            return Answer(200, b"{}")
        if "/blobs/uploads/" in url.path:
            return self._take_blob(asked, url.path, parse_qs(url.query).get("digest", []))
        name, kind, reference = url.path.removeprefix("/v2/").rsplit("/", 2)
        return self._answer_for(asked, name, kind, reference)

    def _take_blob(self, asked: Asked, path: str, digests: list[str]) -> Answer:
        self._blobs |= set(digests)
        place = f"{path.rpartition('/')[0]}/one"
        if asked.method == "PUT":
            return Answer(201, headers={"Location": place, DIGEST: digests[0]})
        return Answer(202, headers={"Location": place, "Range": f"0-{max(len(asked.body) - 1, 0)}"})

    def _answer_for(self, asked: Asked, name: str, kind: str, reference: str) -> Answer:
        if kind == "blobs":
            return Answer(200 if reference in self._blobs else 404, headers={DIGEST: reference})
        if asked.method != "PUT":
            return Answer(404)
        digest = f"sha256:{hashlib.sha256(asked.body).hexdigest()}"
        self.pushed[f"{name}:{reference}"] = digest
        return Answer(201, headers={DIGEST: digest})
