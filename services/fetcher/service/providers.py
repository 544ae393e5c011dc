"""The route that tells where the mailbox of an address is, from our own table: nobody else is asked."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from fetcher.imap.providers import Provider, provider_of_address
from fetcher.service.answers import ProviderAnswer
from fetcher.service.problems import answer
from fetcher.service.room import JsonRoute
from fetcher.service.words import Words

router = APIRouter(route_class=JsonRoute, tags=["Mailboxes"])


class Wanted(BaseModel):
    """Whose provider is wanted."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    address: Annotated[Words, Field(pattern="[^@]@[^@]", description="an email address")]


def describe(provider: Provider, address: str) -> dict[str, Any]:
    """Return what a person needs to know about the provider of an address."""
    source = provider.source(address)
    scheme = "imaps" if source.implicit_tls else "imap"
    return {
        "name": provider.name,
        "source": f"{scheme}://{quote(source.login, safe='@')}@{source.place}",
        "server": source.host,
        "port": source.port,
        "starttls": not source.implicit_tls,
        "login": source.login,
        "accepts": provider.accepts,
        "oauth_only": provider.oauth_only,
        "advice": provider.advice or None,
        "page": provider.page or None,
    }


@router.get("/providers", response_model=ProviderAnswer)
async def providers(asked: Annotated[Wanted, Query()]) -> Response:
    """Return the `provider` of `?address=`: its `server` and `port`, the `source` for a mining, and how to sign in.

    `accepts` says what it takes for a password, `advice` what to do first and where. It is null for an address that is
    not in the table; nobody else is asked.
    """
    known = provider_of_address(asked.address)
    return answer({"provider": None if known is None else describe(known, asked.address)})
