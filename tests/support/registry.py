"""Stands in for an image registry such as Docker Hub: it serves manifests to callers that have fetched a token."""

import hashlib
import json
from urllib.parse import parse_qs, urlsplit

from tests.support.http_stand_in import Answer, Asked, HttpStandIn

INDEX = "application/vnd.oci.image.index.v1+json"


class Registry(HttpStandIn):
    """Tags and their indexes; use it as a context manager. With `lies`, it reports a wrong digest."""

    def __init__(self) -> None:
        self.indexes: dict[tuple[str, str], bytes] = {}
        self.lies = False
        super().__init__(self._answer)

    def push(self, repository: str, tag: str, content: str) -> str:
        """Point a tag at an index made from a text, and return the index's digest."""
        data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "of": content}).encode()
        self.indexes[repository, tag] = data
        return f"sha256:{hashlib.sha256(data).hexdigest()}"

    def _answer(self, asked: Asked) -> Answer:
        url = urlsplit(asked.path)
        if url.path == "/token":
            scope = parse_qs(url.query)["scope"][0]
            return Answer(200, json.dumps({"token": f"for {scope}"}).encode())
        repository, _, tag = url.path.removeprefix("/v2/").partition("/manifests/")
        scope = f"repository:{repository}:pull"
        if asked.headers.get("authorization") != f"Bearer for {scope}":
            challenge = f'Bearer realm="http://{self.host}/token",service="registry",scope="{scope}"'
            return Answer(401, b"{}", {"WWW-Authenticate": challenge})
        if (repository, tag) not in self.indexes or INDEX not in asked.headers["accept"]:
            return Answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
        data = self.indexes[repository, tag]
        digest = hashlib.sha256(b"another" if self.lies else data).hexdigest()
        return Answer(200, data, {"Content-Type": INDEX, "Docker-Content-Digest": f"sha256:{digest}"})
