"""The kinds of text that requests hold: days, and words without control characters."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

MAX_CHARACTERS = 400
"""More than any address (RFC 5321 section 4.5.3.1 allows 254 octets), and enough for a search."""


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("write a date like 2026-01-31") from None


Day = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Words = Annotated[str, Field(max_length=MAX_CHARACTERS, pattern=r"^[^\x00-\x1f\x7f]*$")]
MiningId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
