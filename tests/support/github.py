"""Stands in for GitHub's REST API: one repository's comments, issues and releases, for callers with the token.

It refuses unknown requests, and bodies that lack what GitHub requires.
"""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.http_stand_in import Answer, Asked, HttpStandIn

REPOSITORY, TOKEN = "example/leadminer", "a-token-of-tests"
MAX_BODY = 65_536


class GitHubStandIn(HttpStandIn):
    """One repository; use it as a context manager."""

    def __init__(self) -> None:
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.issues: list[dict[str, Any]] = []
        self.releases: dict[str, dict[str, Any]] = {}
        super().__init__(self._answer)

    @property
    def environ(self) -> dict[str, str]:
        """Return the variables that a runner sets for a step with the token."""
        return {
            "GITHUB_API_URL": f"http://{self.host}",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
        }

    def _answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, b'{"message": "Bad credentials"}')
        url = urlsplit(asked.path)
        path = url.path.removeprefix(f"/repos/{REPOSITORY}")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = json.loads(asked.body) if asked.body else {}
        if len(body.get("body", "")) > MAX_BODY:
            return Answer(422, b'{"message": "Body is too long"}')
        found = self._do(asked.method, path, query, body)
        return Answer(404, b'{"message": "Not Found"}') if found is None else Answer(200, json.dumps(found).encode())

    def _do(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        match method, path.strip("/").split("/"):
            case "GET", ["issues", number, "comments"]:
                return page(self.comments.get(int(number), []), query)
            case "POST", ["issues", number, "comments"]:
                return add(self.comments.setdefault(int(number), []), {"body": body["body"]})
            case "PATCH", ["issues", "comments", wanted]:
                [comment] = [each for all_ in self.comments.values() for each in all_ if each["id"] == int(wanted)]
                return change(comment, {"body": body["body"]})
            case "GET", ["issues"]:
                return page([each for each in self.issues if each["state"] == query["state"]], query)
            case "POST", ["issues"]:
                return add(self.issues, {"title": body["title"], "body": body["body"], "state": "open"})
            case "PATCH", ["issues", number]:
                return change(self.issues[int(number) - 1], body)
            case "GET", ["releases", "tags", tag]:
                return self.releases.get(tag)
            case "POST", ["releases"]:
                assert re.fullmatch(r"v[\d.]+", body["tag_name"])
                return self.releases.setdefault(body["tag_name"], body)
        return None


def page(found: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """Return the page of a list that a query requests."""
    size, number = int(query.get("per_page", "30")), int(query.get("page", "1"))
    return found[size * (number - 1) : size * number]


def add(there: list[dict[str, Any]], new: dict[str, Any]) -> dict[str, Any]:
    """Add an item under the next number, and return it."""
    there.append({**new, "id": len(there) + 1, "number": len(there) + 1})
    return there[-1]


def change(there: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Update an existing item, and return it."""
    there.update(new)
    return there
