"""GitHub, as seen from a workflow step: the files that a runner reads, and the few API calls of the pipeline."""

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from infra.pipeline.failure import StepFailed

API = "https://api.github.com"
TIMEOUT_SECONDS = 60.0
PAGE = 100
MAX_BODY_CHARACTERS = 65_536
"""The most that a comment or an issue can hold (docs.github.com/rest/issues, 2026-11)."""
_CUT = "\n… (middle omitted; see the workflow's log)\n"


@dataclass(frozen=True, slots=True)
class GitHub:
    """One repository, through GitHub's REST API."""

    repository: str
    token: str = field(repr=False)
    api: str = API

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> Self | None:
        """Return the workflow's repository; None if there is no token, as on a laptop."""
        repository, token = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_TOKEN")
        if not repository or not token:
            return None
        return cls(repository, token, environ.get("GITHUB_API_URL") or API)

    def comment(self, pull_request: int, marker: str, text: str) -> None:
        """Post a comment with this marker on a pull request, or update the one that has it."""
        comments = f"/issues/{pull_request}/comments"
        body = {"body": _body(marker, text)}
        for each in self._pages(f"{comments}?per_page={PAGE}"):
            if marker in each["body"]:
                self._ask("PATCH", f"/issues/comments/{each['id']}", body)
                return
        self._ask("POST", comments, body)

    def keep_issue(self, marker: str, title: str, text: str | None) -> None:
        """Open or update the one issue with this marker; with no text, close it."""
        found = next(
            (each for each in self._pages(f"/issues?state=open&per_page={PAGE}") if marker in (each["body"] or "")),
            None,
        )
        if text is None:
            if found:
                self._ask("PATCH", f"/issues/{found['number']}", {"state": "closed"})
        elif found:
            self._ask("PATCH", f"/issues/{found['number']}", {"body": _body(marker, text)})
        else:
            self._ask("POST", "/issues", {"title": title, "body": _body(marker, text)})

    def release(self, tag: str, notes: str) -> bool:
        """Create the release of an existing tag; return False if it existed already."""
        try:
            self._ask("GET", f"/releases/tags/{tag}")
        except _NotFound:
            self._ask("POST", "/releases", {"tag_name": tag, "name": tag, "body": notes})
            return True
        return False

    def _pages(self, path: str) -> Iterator[Any]:
        page, found = 1, [None] * PAGE
        while len(found) == PAGE:
            found = self._ask("GET", f"{path}&page={page}")
            yield from found
            page += 1

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 (GitHub's own URL)
            f"{self.api}/repos/{self.repository}{path}",
            None if body is None else json.dumps(body).encode(),
            {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read(500).decode(errors="replace")
            kind = _NotFound if error.code == 404 else StepFailed
            raise kind(f"GitHub answered {error.code} to {method} {path}: {said}") from None
        except OSError as error:
            raise StepFailed(f"Cannot reach GitHub: {error}") from None


class _NotFound(StepFailed):
    """GitHub has no such resource, or hides it from this token."""


def pull_request(environ: Mapping[str, str] = os.environ) -> int | None:
    """Return the number of the pull request that the workflow runs for, None if it runs for none."""
    found = re.fullmatch(r"refs/pull/(\d+)/\w+", environ.get("GITHUB_REF", ""))
    return int(found[1]) if found else None


def write_output(name: str, value: str) -> None:
    """Pass a value to the workflow's later steps and jobs; does nothing on a laptop."""
    _append("GITHUB_OUTPUT", f"{name}={value}")


def write_summary(text: str) -> None:
    """Add Markdown to the summary page of the workflow run; does nothing on a laptop."""
    _append("GITHUB_STEP_SUMMARY", text)


def _append(variable: str, text: str) -> None:
    if file := os.environ.get(variable):
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(f"{text}\n")


def _body(marker: str, text: str) -> str:
    body = f"{marker}\n{text}"
    if len(body) <= MAX_BODY_CHARACTERS:
        return body
    half = (MAX_BODY_CHARACTERS - len(_CUT)) // 2
    return f"{body[:half]}{_CUT}{body[-half:]}"
