"""The body of a request that starts a mining."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from fetcher.imap.connection import Connector, Credentials
from fetcher.imap.source import Source
from fetcher.mining.outcome import MiningRequest
from fetcher.service.words import Day
from schemas.scope import Scope

MAX_LISTED = 10_000
"""Folders or addresses per list; the same limit as the processor's."""
Texts = Annotated[list[str], Field(max_length=MAX_LISTED)]


class Login(BaseModel):
    """A mailbox, and what proves that it is the caller's.

    `source` is `imaps://login@host[:port]`. Exactly one of `password` and an OAuth `token` is required; they are kept
    only in memory. `plain` allows an unencrypted connection to a host that is not this machine.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    source: str = Field(description="the mailbox: `imaps://login@host`, or `imap://` for STARTTLS")
    password: SecretStr | None = Field(None, description="the mailbox password; give exactly one of this and `token`")
    token: SecretStr | None = Field(
        None,
        description="an OAuth token. It must be valid until the fetching ends: the service cannot get a new one",
    )
    plain: bool = Field(False, description="`true` to allow an unencrypted connection to another machine")

    @model_validator(mode="after")
    def _proves_the_login(self) -> Self:
        if len([secret for secret in (self.password, self.token) if secret and secret.get_secret_value()]) != 1:
            raise ValueError("send exactly one of password and token, and do not leave it empty")
        return self

    def connector(self) -> Connector:
        """Return how to log in; raise BadSource, which never repeats a secret."""
        return Connector(Source.parse(self.source), self._credentials(), plain=self.plain)

    def _credentials(self) -> Credentials:
        if self.token is not None and self.token.get_secret_value():
            return Credentials(token=self.token.get_secret_value)
        return Credentials(password=self.password.get_secret_value() if self.password else None)


class MiningOrder(Login):
    """What to mine; defaults are as in `leadminer mine`."""

    me: Texts | None = Field(None, description="a list of your other addresses")
    folders: Texts | None = Field(None, description="a list of the folders to read")
    scope: Annotated[Scope, Field(strict=False)] | None = Field(None, description="`headers`, `text` or `full`")
    since: Day | None = Field(None, description="`2026-01-31`: only mail received since then")
    as_of: Day | None = Field(None, description="`2026-01-31`: count recency from this day instead of today")
    full: bool | None = Field(None, description="`true` to read again what earlier minings have read")
    connections: Annotated[int, Field(ge=1, le=16)] | None = Field(
        None, description="the number of IMAP connections, 1 to 16"
    )

    def request(self, user: str) -> MiningRequest:
        """Return what to mine; raise BadSource."""
        return MiningRequest(
            user=user,
            source=Source.parse(self.source),
            me=tuple(self.me) if self.me else None,
            folders=tuple(self.folders) if self.folders else None,
            since=self.since,
            scope=self.scope,
            as_of=self.as_of,
            full=self.full,
            connections=self.connections,
        )
