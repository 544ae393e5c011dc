"""The answers of the service: JSON, and for an error an HTTP status, a code and a sentence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from fetcher.exits import Busy, Exit, Stopping, Unforeseen, exit_of, translate
from fetcher.ports import Conflict, Denied

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
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


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in a form that is safe to show and keep.

    The exception itself is not, because its traceback refers to passwords and mail. For an internal error, `way` lists
    the places in the code that led to it, for the log.
    """

    status: int
    code: str
    sentence: str
    way: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: Exception) -> "Problem":
        """Return the problem for any error."""
        trouble = translate(error)
        way = trouble.way if isinstance(trouble, Unforeseen) else ()
        match trouble:
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
        return cls(status, code, str(trouble).replace("\n", " "), way)

    def fields(self) -> dict[str, str]:
        """Return the fields of the JSON body."""
        return {"error": self.sentence, "code": self.code}


def answer(fields: Mapping[str, Any], *, status: int = 200) -> Response:
    """Return an answer with a JSON body."""
    body = json.dumps(fields, separators=(",", ":")).encode()
    return Response(body, status_code=status, media_type="application/json", headers=HEADERS)


def refuse(problem: Problem) -> Response:
    """Return the answer that reports a problem."""
    refusal = answer(problem.fields(), status=problem.status)
    if problem.status == 401:
        refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal
