"""What the service answers with: JSON, and what goes wrong as a status, a word and one sentence."""

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
    Exit.STORAGE: (507, "storage"),
}
"""HTTP status and word by what the command line would have ended with."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, as it may be told and kept: the error itself refers to passwords and mail by its traceback.

    `way` are the places in the code that led to an error of our own, which are for the log.
    """

    status: int
    code: str
    sentence: str
    way: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: Exception) -> "Problem":
        """Tell an error, whatever it is."""
        trouble = translate(error)
        way = trouble.way if isinstance(trouble, Unforeseen) else ()
        match trouble:
            case Busy():
                status, code = 429, "busy"
            case Stopping():
                status, code = 503, "stopping"
            case Denied():  # by the processor, the store or the queue: not the caller's to mend
                status, code = 503, "denied"
            case Conflict(code=word) if word:
                status, code = 409, word
            case _:
                status, code = ANSWERS.get(exit_of(trouble), UNFORESEEN)
        return cls(status, code, str(trouble).replace("\n", " "), way)

    def fields(self) -> dict[str, str]:
        """Return the body that tells it."""
        return {"error": self.sentence, "code": self.code}


def answer(fields: Mapping[str, Any], *, status: int = 200) -> Response:
    """Return an answer whose body is JSON."""
    body = json.dumps(fields, separators=(",", ":")).encode()
    return Response(body, status_code=status, media_type="application/json", headers=HEADERS)


def refuse(problem: Problem) -> Response:
    """Return the answer that tells a problem."""
    refusal = answer(problem.fields(), status=problem.status)
    if problem.status == 401:
        refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal
