"""The problems that the service answers with: an HTTP status, a code and a sentence, as RFC 9457 wants them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fetcher.exits import Busy, Exit, Stopping, Unforeseen, exit_of, translate
from fetcher.ports import Conflict, Denied
from fetcher.service.limits import TooOften

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
PROBLEM_MEDIA = "application/problem+json"
UNFORESEEN = (500, "error")
ANSWERS = {
    Exit.USAGE: (400, "request"),
    Exit.AUTHENTICATION: (403, "login"),
    Exit.UNKNOWN: (404, "unknown"),
    Exit.HELD: (409, "held"),
    Exit.UNREACHABLE: (502, "unreachable"),
    Exit.CERTIFICATE: (502, "certificate"),
    Exit.UNAVAILABLE: (503, "unavailable"),
    Exit.INTERRUPTED: (503, "stopping"),
    Exit.STORAGE: (507, "storage"),
}
"""HTTP status and code, by the exit code that the command line would have returned."""
TITLES = {
    "request": "The request is wrong",
    "token": "The token is missing or wrong",
    "login": "The mail server refuses the login",
    "unknown": "There is nothing here",
    "large": "The request is too large",
    "scope": "The token does not allow this",
    "origin": "The request comes from elsewhere",
    "host": "The service is somewhere else",
    "often": "Too many tries have failed",
    "busy": "Too much is going on already",
    "unreachable": "The mail server cannot be reached",
    "certificate": "The mail server's certificate cannot be verified",
    "unavailable": "A part of leadminer does not answer",
    "denied": "A part of leadminer refuses this service",
    "stopping": "The service is shutting down",
    "storage": "The raw store is full",
    "error": "leadminer failed",
}
"""What each code says in general. The codes that the processor gives a conflict have the title of their status."""
CONFLICT = "The mining is not in the state for this"
TYPES = "tag:leadminer.io,2026:problems/"
"""What the types of problems start with: tag URIs (RFC 4151), because there is no page for each of them."""
MAX_BODY_BYTES = 1_000_000
"""The same limit as the processor's."""
MAX_FAULTS = 10
"""The maximum number of faults in one answer; nobody reads more at once."""
MAX_PLACE = 100
"""The maximum length of the place of a fault, because the name of an unknown field comes from the caller."""


@dataclass(frozen=True, slots=True)
class ProblemFields:
    """A problem as RFC 9457 has it, and the `error` and `code` that each answer had before."""

    type: str
    title: str
    status: int
    detail: str
    error: str
    code: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in a form that is safe to show and keep.

    The exception itself is not, because its traceback refers to passwords and mail. For an internal error, `way` lists
    the places in the code that led to it, for the log. `retry_seconds` says when to ask again, 0 if nobody knows.
    """

    status: int
    code: str
    sentence: str
    way: tuple[str, ...] = ()
    retry_seconds: int = 0

    @classmethod
    def of(cls, error: Exception) -> "Problem":
        """Return the problem for any error."""
        trouble = translate(error)
        way = trouble.way if isinstance(trouble, Unforeseen) else ()
        match trouble:
            case TooOften():
                status, code = 429, "often"
            case Busy():
                status, code = 429, "busy"
            case Stopping():
                status, code = 503, "stopping"
            case Denied():  # by the processor, the store or the queue: the caller cannot fix it
                status, code = 503, "denied"
            case Conflict(code=word) if word:
                status, code = 409, word
            case _:
                status, code = ANSWERS.get(exit_of(trouble), UNFORESEEN)
        retry_seconds = trouble.retry_seconds if isinstance(trouble, Busy) else 0
        return cls(status, code, str(trouble).replace("\n", " "), way, retry_seconds)

    def fields(self) -> dict[str, str]:
        """Return the sentence and the code, as a mining's status has them."""
        return {"error": self.sentence, "code": self.code}

    def body(self) -> dict[str, Any]:
        """Return the fields of the JSON body."""
        title = TITLES.get(self.code, CONFLICT)
        return asdict(ProblemFields(TYPES + self.code, title, self.status, self.sentence, self.sentence, self.code))


NOT_THERE = Problem(404, "unknown", "This path does not exist: check the URL and the method.")
UNREADABLE = Problem(400, "request", "The body cannot be read: send JSON in UTF-8.")
TOO_LARGE = Problem(413, "large", f"The body is larger than {MAX_BODY_BYTES} bytes: send fewer folders or addresses.")
REFUSALS = {400: UNREADABLE, 413: TOO_LARGE}
"""What the web framework refuses by itself, by status; the rest are paths and methods without a route."""


def answer(fields: Mapping[str, Any], *, status: int = 200, media: str = "application/json") -> Response:
    """Return an answer with a JSON body."""
    body = json.dumps(fields, separators=(",", ":")).encode()
    return Response(body, status_code=status, media_type=media, headers=HEADERS)


def refuse(problem: Problem) -> Response:
    """Return the answer that reports a problem."""
    refusal = answer(problem.body(), status=problem.status, media=PROBLEM_MEDIA)
    if problem.status == 401:
        refusal.headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_seconds:
        refusal.headers["Retry-After"] = str(problem.retry_seconds)
    return refusal


async def refuse_http(_request: Request, error: Exception) -> Response:
    """Answer what the web framework refuses: a path that is no route, or a body that cannot be read."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return refuse(REFUSALS.get(status, NOT_THERE))


async def refuse_invalid(_request: Request, error: Exception) -> Response:
    """Answer a request with wrong fields: name them, but never repeat what they contain."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    if any(fault["type"] == "json_invalid" for fault in faults):
        return refuse(UNREADABLE)
    return refuse(Problem(400, "request", sentences(faults)))


def sentences(faults: Sequence[Mapping[str, Any]]) -> str:
    """Return a sentence for each of the first faults that pydantic found, without the values."""
    return " ".join(map(_sentence, islice(faults, MAX_FAULTS)))


def _sentence(fault: Mapping[str, Any]) -> str:
    place = ".".join(map(str, fault["loc"][1:])) or "The body"
    return f"{place[:MAX_PLACE]}: {fault['msg'].removeprefix('Value error, ')}."
