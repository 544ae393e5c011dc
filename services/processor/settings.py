"""The container's settings, from the environment. All wrong ones are reported together; credentials are never shown."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

MINING_DATABASE = "leadminer_mining"
TOKEN = re.compile(r"[!-~]+")
CLOUDFLARE_STORES = ("cloudflare_r2_bucket", "cloudflare_d1_database", "cloudflare_queues")


class WrongSettings(ValueError):
    """Some settings are wrong. The text has one sentence for each."""


class Settings(BaseModel):
    """The environment's settings, each under its own name. An empty variable counts as unset."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    storage_mode: str = "postgresql"
    postgres_connection_string: SecretStr
    postgres_mining_connection_string: SecretStr | None = None
    redis_url: SecretStr
    raw_store_path: Path
    processor_token: SecretStr
    processor_token_previous: SecretStr | None = None
    """Accepted beside the current one, so that a rotation stops no fetcher."""
    processor_listen: str = "127.0.0.1:8080"
    """`host:port`, or `fd:N` for an inherited listening socket."""
    processor_name: str | None = None
    """A stable name, by which a replica finds its unfinished jobs again. The default is host name and process id."""
    processor_stop_with_stdin: bool = False
    """Stop when standard input closes, so that an embedded processor ends with the command that started it."""
    sweep_seconds: float = 30.0
    claim_seconds: float = 60.0
    """Silence after which another processor's job is taken over. We renew ours three times as often."""
    silent_seconds: float = 86_400.0
    """Silence after which a mining is ended without its fetcher."""
    backups_path: Path | None = None
    """The folder of the nightly dumps, whose names say how old the newest is. Their content is never read."""
    cloudflare_r2_bucket: str | None = None
    cloudflare_d1_database: str | None = None
    cloudflare_queues: str | None = None

    @property
    def secrets(self) -> list[str]:
        """The secrets that open the API: the current one, and the previous one during a rotation."""
        given = (self.processor_token, self.processor_token_previous)
        return [secret.get_secret_value() for secret in given if secret is not None]

    @property
    def mining_connection_string(self) -> str:
        """The connection string of the temporary tables: as set, or a separate database on the permanent server."""
        if self.postgres_mining_connection_string is not None:
            return self.postgres_mining_connection_string.get_secret_value()
        return replace_database(self.postgres_connection_string.get_secret_value(), MINING_DATABASE)


def replace_database(url: str, database: str) -> str:
    """Return the connection URL with its database replaced."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{database}"))


def read_permanent() -> str:
    """Return the permanent database's connection string; raise WrongSettings if it is not set."""
    given = os.environ.get("POSTGRES_CONNECTION_STRING", "")
    if not given:
        raise WrongSettings("POSTGRES_CONNECTION_STRING is not set: set it to the permanent database.")
    return given


def read_settings() -> Settings:
    """Read the environment; raise WrongSettings with one sentence for each fault."""
    given = {name: value for name in Settings.model_fields if (value := os.environ.get(name.upper()))}
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg'].lower()}." for e in error.errors()]
        raise WrongSettings("\n".join(faults)) from None
    faults = [
        f"{name.upper()} is set, but belongs to STORAGE_MODE=cloudflare: unset one of them."
        for name in CLOUDFLARE_STORES
        if getattr(settings, name)
    ]
    if settings.storage_mode != "postgresql":
        faults.append(f"STORAGE_MODE is {settings.storage_mode!r}: this container supports only postgresql.")
    faults += [
        f"{name} contains a space or a non-ASCII character (its value is not shown): set a different one."
        for name, secret in zip(("PROCESSOR_TOKEN", "PROCESSOR_TOKEN_PREVIOUS"), settings.secrets, strict=False)
        if not TOKEN.fullmatch(secret)
    ]
    if faults:
        raise WrongSettings("\n".join(faults))
    return settings
