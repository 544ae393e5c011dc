"""Reads the bodies of requests, field by field. The error for a wrong field names it and says what is allowed."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from processor.domain.mail.addresses import fold_address
from schemas.minings import Beginning
from schemas.scope import Scope

MAX_CHUNKS = 4096
MAX_LIST = 10_000
MAX_COUNT = 2**53 - 1
"""The largest whole number that is safe in JSON and in D1."""
_REASON = re.compile(r"[a-z]{1,32}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class BadRequest(Exception):
    """The request is malformed. The text says what is wrong."""


class Refused(Exception):
    """The request is well formed, but the mining's state does not allow it. `code` says why, in one word."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def check_texts(fields: Mapping[str, Any]) -> None:
    """Raise BadRequest if a text contains what no database stores: a NUL or a lone surrogate."""
    for name, value in fields.items():
        if not _is_storable(value):
            raise BadRequest(f"{name} contains a NUL or half a character: remove it.")


def _is_storable(value: object) -> bool:
    if isinstance(value, str):
        return not _UNSTORABLE.search(value)
    if isinstance(value, dict):
        return all(map(_is_storable, (*value, *value.values())))
    return not isinstance(value, list) or all(map(_is_storable, value))


def read_begin(fields: Mapping[str, Any]) -> Beginning:
    """Check the body of `begin`; raise BadRequest."""
    scope = _text(fields, "scope", default=None)
    if scope is not None and scope not in [*Scope]:
        raise BadRequest(f"scope is {scope!r}: it must be one of {', '.join(Scope)}.")
    full = fields.get("full")
    if full is not None and not isinstance(full, bool):
        raise BadRequest("full must be true, false or null.")
    chunks = fields.get("chunks", 16)
    if not _is_int(chunks) or not 1 <= chunks <= MAX_CHUNKS:
        raise BadRequest(f"chunks must be a number from 1 to {MAX_CHUNKS}.")
    me = _texts(fields, "me")
    return Beginning(
        id=_uuid(fields, "id"),
        source=_required(fields, "source"),
        address=fold_address(_required(fields, "address")),
        me=None if me is None else tuple(sorted({fold_address(address) for address in me})),
        folders=_texts(fields, "folders"),
        since=read_date(fields, "since"),
        scope=scope,
        as_of=read_date(fields, "as_of"),
        chunks=chunks,
        full=full,
        holder=_required(fields, "holder"),
    )


def read_lease(fields: Mapping[str, Any]) -> int:
    """Return the lease in a fetcher's call; raise BadRequest."""
    lease = fields.get("lease")
    if not _is_count(lease):
        raise BadRequest("lease must be a number.")
    return int(str(lease))


def read_reasons(fields: Mapping[str, Any], name: str) -> dict[str, int]:
    """Return messages by reason; raise BadRequest if a reason is not one word or a number is negative."""
    reasons = fields.get(name, {})
    if not isinstance(reasons, dict):
        raise BadRequest(f"{name} must be an object that maps reasons to numbers of messages.")
    for reason, messages in reasons.items():
        if not _REASON.fullmatch(reason) or not _is_count(messages):
            raise BadRequest(f"{name} must map reasons, one word each, to numbers of messages.")
    return reasons


def read_flag(fields: Mapping[str, Any], name: str) -> bool:
    """Return a flag that may be left out; raise BadRequest."""
    flag = fields.get(name, False)
    if not isinstance(flag, bool):
        raise BadRequest(f"{name} must be true or false.")
    return flag


def read_mining(text: str, name: str = "id") -> str:
    """Return a mining's id in the usual UUID spelling; raise BadRequest, which names the parameter."""
    return _uuid({name: text}, name)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    """Return whether this is a count: a whole number from 0 to MAX_COUNT."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _text(fields: Mapping[str, Any], name: str, default: str | None) -> str | None:
    value = fields.get(name, default)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} must be a string.")
    return value


def _required(fields: Mapping[str, Any], name: str) -> str:
    value = _text(fields, name, None)
    if not value or len(value) > 1000:
        raise BadRequest(f"{name} is required and must be a string of 1 to 1000 characters.")
    return value


def _texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_LIST or not all(isinstance(item, str) for item in value):
        raise BadRequest(f"{name} must be a list of at most {MAX_LIST} strings.")
    return tuple(value)


def read_date(fields: Mapping[str, Any], name: str) -> str | None:
    """Return a date, or None if it is missing or empty; raise BadRequest."""
    value = _text(fields, name, None)
    if not value:
        return None
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise BadRequest(f"{name} is {value!r}: it must be a date like 2026-01-31.") from error


def _uuid(fields: Mapping[str, Any], name: str) -> str:
    try:
        return str(UUID(_required(fields, name)))
    except ValueError as error:
        raise BadRequest(f"{name} must be a UUID.") from error
