"""Known mail providers: where their mailboxes are, and what they accept as a password."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fetcher.imap.source import Source

TABLE = Path(__file__).with_name("providers.toml")
OAUTH = "OAuth tokens"
NORMAL = "passwords"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `providers.toml` has the facts, and explains the fields."""

    name: str
    host: str
    domains: tuple[str, ...]
    accepts: str
    mx: tuple[str, ...] = ()
    port: int = 993
    starttls: bool = False
    login: str = "address"
    first: str = ""
    page: str = ""

    def source(self, address: str) -> Source:
        """Return the mailbox of an address at this provider."""
        name = address.rpartition("@")[0]
        login = name if self.login == "name" else address
        return Source(login, self.host, self.port, not self.starttls, own=address.lower())

    @property
    def oauth_only(self) -> bool:
        """Whether no password works."""
        return self.accepts == OAUTH

    @property
    def advice(self) -> str:
        """What a person needs to know before the first login, in a sentence or two; empty if there is nothing."""
        parts = []
        if self.accepts != NORMAL:
            parts.append(f"{self.name} accepts only {self.accepts} over IMAP, not your normal password.")
        if self.first:
            parts.append(f"Before the first login at {self.name}, {self.first}.")
        if self.page:
            parts.append(f"See {self.page}")
        return " ".join(parts)


@cache
def providers() -> tuple[Provider, ...]:
    """Return all providers of the table."""
    rows: list[dict[str, Any]] = tomllib.loads(TABLE.read_text("utf-8"))["provider"]
    return tuple(_provider(row) for row in rows)


def _provider(row: dict[str, Any]) -> Provider:
    return Provider(**{**row, "domains": tuple(row["domains"]), "mx": tuple(row.get("mx", ()))})


def provider_of_address(address: str) -> Provider | None:
    """Return the provider whose domain the address ends in."""
    domain = address.rpartition("@")[2].lower()
    return next((one for one in providers() if domain in one.domains), None)


def provider_of_host(host: str) -> Provider | None:
    """Return the provider whose IMAP server this is; a server on this machine is nobody's."""
    return next((one for one in providers() if one.host == host.lower() and host != "127.0.0.1"), None)


def provider_of_exchanger(exchanger: str) -> Provider | None:
    """Return the provider that runs a mail exchanger, by the end of its name."""
    name = f".{exchanger.rstrip('.').lower()}"
    return next((one for one in providers() if any(name.endswith(f".{end}") for end in one.mx)), None)
