"""Parse the body of a request that starts a mining."""

from datetime import date
from itertools import islice
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from fetcher.exits import Misuse
from fetcher.imap.connection import Connector, Credentials
from fetcher.imap.source import Source
from fetcher.mining.outcome import MiningRequest
from schemas.scope import Scope

MAX_LISTED = 10_000
"""Folders or addresses per list; the same limit as the processor's."""
MAX_FAULTS = 10
"""The maximum number of faults in one answer; nobody reads more at once."""
Texts = Annotated[list[str], Field(max_length=MAX_LISTED)]


class Order(BaseModel):
    """The body of a request that starts a mining; defaults are as in `leadminer mine`.

    `source` is `imaps://login@host[:port]`. Exactly one of `password` and an OAuth `token` is required; they are kept
    only in memory. `plain` allows an unencrypted connection to a host that is not this machine.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    source: str
    password: SecretStr | None = None
    token: SecretStr | None = None
    me: Texts | None = None
    folders: Texts | None = None
    scope: Scope | None = None
    since: date | None = None
    as_of: date | None = None
    full: bool | None = None
    connections: Annotated[int, Field(ge=1, le=16)] | None = None
    plain: bool = False

    @model_validator(mode="after")
    def _proves_the_login(self) -> Self:
        if len([secret for secret in (self.password, self.token) if secret and secret.get_secret_value()]) != 1:
            raise ValueError("send exactly one of password and token, and do not leave it empty")
        return self


def read_order(body: bytes, *, user: str) -> tuple[MiningRequest, Connector]:
    """Return what to mine and how to log in; raise Misuse or BadSource, which never repeat a secret."""
    try:
        order = Order.model_validate_json(body or b"{}")
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        raise Misuse(" ".join(map(_sentence, islice(faults, MAX_FAULTS)))) from None
    source = Source.parse(order.source)
    request = MiningRequest(
        user=user,
        source=source,
        me=_tuple(order.me),
        folders=_tuple(order.folders),
        since=_text(order.since),
        scope=order.scope,
        as_of=_text(order.as_of),
        full=order.full,
        connections=order.connections,
    )
    return request, Connector(source, _credentials(order), plain=order.plain)


def _credentials(order: Order) -> Credentials:
    if order.token is not None and order.token.get_secret_value():
        return Credentials(token=order.token.get_secret_value)
    return Credentials(password=order.password.get_secret_value() if order.password else None)


def _tuple(texts: list[str] | None) -> tuple[str, ...] | None:
    return tuple(texts) if texts else None


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _sentence(fault: ErrorDetails) -> str:
    place = ".".join(map(str, fault["loc"])) or "The body"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}."
