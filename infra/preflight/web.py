"""Harmless requests to an HTTP service, with the standard library."""

import datetime
import email.utils
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 20.0


class Unreachable(Exception):
    """The service did not answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the body as JSON (None if it is not JSON), and the service's time, if it sent one."""

    status: int
    body: Any
    at: datetime.datetime | None

    def code(self) -> int:
        """Return the code of Cloudflare's first error, 0 if there is none."""
        errors = self.body.get("errors") if isinstance(self.body, dict) else None
        return int(errors[0].get("code", 0)) if errors else 0


def ask(url: str, headers: Mapping[str, str], *, body: bytes | None = None) -> Answer:
    """Return the answer to a GET, or to a POST if there is a body; raise Unreachable."""
    request = urllib.request.Request(url, body, dict(headers))  # noqa: S310 (our own URL, or one from the settings)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return _read(answer.status, answer.read(), answer.headers.get("date"))
    except urllib.error.HTTPError as error:
        with error:
            return _read(error.code, error.read(), error.headers.get("date"))
    except OSError as error:
        raise Unreachable(str(error)) from None


def _read(status: int, text: bytes, date: str | None) -> Answer:
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    return Answer(status, body, email.utils.parsedate_to_datetime(date) if date else None)
