"""What the service reads from requests and answers with: JSON, and troubles as one sentence with a word for it."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fetcher.exits import Exit, Misuse, exit_of
from fetcher.ports import Conflict, Trouble
from fetcher.runs import Busy, Stopping

MAX_BODY_BYTES = 1_000_000
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
STATUSES = {
    Exit.USAGE: 400,
    Exit.AUTHENTICATION: 403,
    Exit.UNKNOWN: 404,
    Exit.HELD: 409,
    Exit.UNREACHABLE: 502,
    Exit.CERTIFICATE: 502,
    Exit.UNEXPECTED: 500,
}
"""HTTP status by what the command line would have ended with; what else there is, is for the operator to mend: 503."""


def answer(fields: Mapping[str, Any], *, status: int = 200) -> Response:
    """Return an answer whose body is JSON."""
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(body, status_code=status, media_type="application/json", headers=HEADERS)


def problem(status: int, code: str, sentence: str) -> Response:
    """Return an answer that says in one sentence what is wrong."""
    return answer({"error": sentence, "code": code}, status=status)


def refusal(trouble: Trouble) -> Response:
    """Return the answer that tells a trouble."""
    return answer(trouble_fields(trouble), status=_status(trouble))


def trouble_fields(trouble: Trouble) -> dict[str, str]:
    """Return a trouble's sentence, and its word: the processor's own, or the name of the exit code."""
    return {"error": str(trouble), "code": _code(trouble)}


def not_there(_request: Request, _error: Exception) -> Response:
    """Answer what no route is for."""
    return problem(404, "unknown", "There is no such thing here.")


async def read_body(request: Request) -> bytes:
    """Return a request's body; raise Misuse where it is larger than we take."""
    out = bytearray()
    async for piece in request.stream():
        out += piece
        if len(out) > MAX_BODY_BYTES:
            raise Misuse(f"The body is larger than {MAX_BODY_BYTES} bytes: name fewer folders or addresses.")
    return bytes(out)


def _status(trouble: Trouble) -> int:
    return 429 if isinstance(trouble, Busy) else STATUSES.get(exit_of(trouble), 503)


def _code(trouble: Trouble) -> str:
    match trouble:
        case Busy():
            return "busy"
        case Stopping():
            return "stopping"
        case Conflict(code=code) if code:
            return code
    return exit_of(trouble).name.lower()
