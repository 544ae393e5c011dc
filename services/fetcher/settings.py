"""The settings from the environment. All faults are reported at once, and credentials are never shown."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from pydantic import BaseModel, ConfigDict, SecretStr

from fetcher.exits import Misconfigured

MODES = ("postgresql", "cloudflare")
OWN_SETTINGS = ("LEADMINER_DEBUG", "LEADMINER_HOME", "LEADMINER_LINGER")
CLOUDFLARE_STORES = ("CLOUDFLARE_R2_BUCKET", "CLOUDFLARE_D1_DATABASE", "CLOUDFLARE_QUEUES")
SERVERS = ("POSTGRES_CONNECTION_STRING", "REDIS_URL")
WITH_SERVERS = ("PROCESSOR_URL", "PROCESSOR_TOKEN", "RAW_STORE_PATH")
ONLY_WITH_SERVERS = (*WITH_SERVERS, "POSTGRES_MINING_CONNECTION_STRING")
ACCOUNT_NEEDS = (
    "CLOUDFLARE_ACCOUNT_ID",
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_QUEUES",
    "CLOUDFLARE_R2_ACCESS_KEY_ID",
    "CLOUDFLARE_R2_BUCKET",
    "CLOUDFLARE_R2_SECRET_ACCESS_KEY",
    "PROCESSOR_TOKEN",
    "PROCESSOR_URL",
)
"""The settings that `cloudflare` mode needs. The Worker's own settings are not among them."""
CREDENTIALS = ("POSTGRES_USER", "POSTGRES_PASSWORD")
"""Credentials that many people have in their shell for other programs. Both modes ignore them."""
LISTEN = re.compile(r"fd:\d+|(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})")
HERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 (nothing listens there because of this)
"""What listens on all addresses is reached on loopback too."""
MIN_TOKEN_CHARACTERS = 16
"""Tokens protect a service on a network, so they must be hard to guess."""
MOST_MININGS = 64
MOST_WAITING = 10_000
MIN_JWT_SECRET_CHARACTERS = 32
"""HS256 needs as many (RFC 7518 section 3.2); Supabase's own secrets are longer."""
MOST_LINGER_SECONDS = 86_400
SCHEMES = {
    "POSTGRES_CONNECTION_STRING": ("postgresql", "postgres"),
    "POSTGRES_MINING_CONNECTION_STRING": ("postgresql", "postgres"),
    "REDIS_URL": ("redis", "rediss", "unix"),
    "PROCESSOR_URL": ("http", "https"),
    "SERVE_URL": ("http", "https"),
    "SUPABASE_URL": ("http", "https"),
    "CLOUDFLARE_BASE_URL": ("http", "https"),
    "CLOUDFLARE_R2_ENDPOINT": ("http", "https"),
}


class WrongSettings(Misconfigured):
    """Some settings are wrong; `faults` has one sentence for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Settings(BaseModel):
    """The settings from the environment, each under its own name. An empty variable counts as unset."""

    model_config = ConfigDict(alias_generator=str.upper, extra="ignore", frozen=True, hide_input_in_errors=True)

    storage_mode: str = "postgresql"
    postgres_connection_string: SecretStr | None = None
    postgres_mining_connection_string: SecretStr | None = None
    redis_url: SecretStr | None = None
    raw_store_path: Path | None = None
    processor_url: str | None = None
    processor_token: SecretStr | None = None
    processor_token_previous: SecretStr | None = None
    cloudflare_account_id: str = ""
    cloudflare_api_token: SecretStr = SecretStr("")
    cloudflare_base_url: str = "https://api.cloudflare.com/client/v4"
    cloudflare_queues: str = ""
    """The queue's name, or its id of 32 hex digits."""
    cloudflare_r2_access_key_id: str = ""
    cloudflare_r2_bucket: str = ""
    cloudflare_r2_endpoint: str | None = None
    """For a bucket in a jurisdiction (`https://<account>.eu.r2.cloudflarestorage.com`); by default, derived from the
    account id."""
    cloudflare_r2_secret_access_key: SecretStr = SecretStr("")
    serve_listen: str = "127.0.0.1:8090"
    """`host:port`, or `fd:N` for an inherited listening socket."""
    serve_token: SecretStr | None = None
    serve_minings: int = 4
    """The maximum number of minings at once. Each uses up to four IMAP connections by default, and holds one segment of
    a few MiB per connection in memory."""
    serve_waiting: int = 200
    """The maximum number of minings that wait for their turn, each with its password in memory."""
    serve_url: str = ""
    """Where people reach the service; if unset, at SERVE_LISTEN."""
    serve_origins: str = ""
    """The other origins whose pages may call the API (CORS), separated by commas."""
    serve_page: bool = True
    serve_allow_hosts: str = ""
    """The mail servers that are not on the Internet, but that the service may connect to, separated by commas."""
    supabase_url: str = ""
    """The project whose users may call the service with their JWTs."""
    supabase_jwt_secret: SecretStr = SecretStr("")
    leadminer_home: Path | None = None
    leadminer_linger: int = 300
    """How many seconds the embedded servers keep running after the last command, so that the next one is quick."""
    leadminer_debug: bool = False

    @property
    def embedded(self) -> bool:
        """Whether to use the embedded servers, because no others are configured."""
        return self.storage_mode == "postgresql" and self.redis_url is None

    @property
    def serve_address(self) -> str:
        """Where people reach the service; empty if it listens on an inherited socket and SERVE_URL is not set."""
        host, _, port = self.serve_listen.rpartition(":")
        if self.serve_url or host == "fd":
            return self.serve_url.rstrip("/")
        return f"http://{HERE.get(host, host)}:{port}"

    @property
    def r2_endpoint(self) -> str:
        """The URL of R2's S3 API (developers.cloudflare.com/r2/api/s3, 2026-11)."""
        return self.cloudflare_r2_endpoint or f"https://{self.cloudflare_account_id}.r2.cloudflarestorage.com"

    @property
    def home(self) -> Path:
        """The data directory of the embedded servers: LEADMINER_HOME, or the default for this user."""
        return (self.leadminer_home or platformdirs.user_data_path("leadminer")).expanduser().absolute()

    @property
    def claims(self) -> Path:
        """The folder of the locks that let only one fetcher on this machine read a source."""
        return self.home / "claims"


def read_settings() -> Settings:
    """Read the environment; raise WrongSettings with every fault."""
    if faults := list(find_faults(os.environ)):
        raise WrongSettings(faults)
    return Settings.model_validate({name: value for name, value in os.environ.items() if value})


def unknown_settings(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each setting that looks like one of leadminer's but is none; it changes nothing."""
    for name in sorted(name for name, value in environ.items() if value and name.startswith("LEADMINER_")):
        if name not in OWN_SETTINGS:
            yield f"{name} is ignored: the settings that start with LEADMINER_ are {_listed(OWN_SETTINGS)}."


def find_faults(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each setting that is contradictory, missing or malformed."""
    given = {name: value for name, value in environ.items() if value}
    if given.get("LEADMINER_DEBUG", "0") not in ("0", "1"):
        yield f"LEADMINER_DEBUG is {given['LEADMINER_DEBUG']!r}; set it to 0 or 1."
    linger = given.get("LEADMINER_LINGER", "0")
    if not re.fullmatch(r"[0-9]{1,5}", linger) or int(linger) > MOST_LINGER_SECONDS:
        yield f"LEADMINER_LINGER is {linger!r}; set it to a number of seconds from 0 to {MOST_LINGER_SECONDS}."
    yield from _serve_faults(given)
    mode = given.get("STORAGE_MODE", MODES[0])
    if mode not in MODES:
        yield f"STORAGE_MODE is {mode!r}; set it to {_listed(MODES, 'or')}."
    elif mode == "postgresql":
        yield from _postgresql_faults(given)
    else:
        yield from _cloudflare_faults(given)


def _postgresql_faults(given: Mapping[str, str]) -> Iterator[str]:
    yield from _foreign_faults([name for name in CLOUDFLARE_STORES if name in given], "postgresql")
    servers = [name for name in SERVERS if name in given]
    if len(servers) == 1:
        missing = next(name for name in SERVERS if name not in given)
        yield f"{servers[0]} is set without {missing}: set both for your own servers, or neither for embedded ones."
    elif servers:
        for name in WITH_SERVERS:
            if name not in given:
                yield f"{name} is not set: with {_listed(SERVERS)} set, {_listed(WITH_SERVERS)} are needed too."
    else:
        for name in ONLY_WITH_SERVERS:
            if name in given:
                yield f"{name} is set without {_listed(SERVERS)}: unset it, or set those too."
    yield from _malformed({name: value for name, value in given.items() if not name.startswith("CLOUDFLARE_")})


def _cloudflare_faults(given: Mapping[str, str]) -> Iterator[str]:
    foreign = sorted(name for name in given if _is_of_postgresql(name))
    yield from _foreign_faults(foreign, "cloudflare")
    for name in ACCOUNT_NEEDS:
        if name not in given:
            yield f"{name} is not set, but STORAGE_MODE=cloudflare requires it: set it."
    account = given.get("CLOUDFLARE_ACCOUNT_ID", "0" * 32)
    if not re.fullmatch(r"[0-9a-f]{32}", account):
        yield f"CLOUDFLARE_ACCOUNT_ID is {account!r}; an account id has 32 hex digits, as shown in the dashboard."
    yield from _malformed({name: value for name, value in given.items() if name not in foreign})


def _foreign_faults(names: list[str], mode: str) -> Iterator[str]:
    other = next(name for name in MODES if name != mode)
    for name in names:
        yield f"{name} is set, but STORAGE_MODE={mode} does not allow it: unset it, or set STORAGE_MODE={other}."


def _is_of_postgresql(name: str) -> bool:
    return name == "REDIS_URL" or (name.startswith("POSTGRES_") and name not in CREDENTIALS)


def _malformed(given: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each malformed value; if a value may contain a credential, show only its scheme."""
    for name, schemes in SCHEMES.items():
        value = given.get(name)
        if value is None or (name.startswith("POSTGRES_") and "://" not in value and "=" in value):
            continue
        scheme, parted, _ = value.partition("://")
        allowed = _listed([f"{scheme}://" for scheme in schemes], "or")
        if not parted or not re.fullmatch(r"[a-z][a-z0-9+.-]{0,19}", scheme.lower()):
            yield f"{name} is not a URL (its value is not shown); it must start with {allowed}."
        elif scheme.lower() not in schemes:
            yield f"{name} starts with {scheme}://; it must start with {allowed}."
        elif scheme.startswith(("http", "redis")) and not _has_host(value):
            yield f"{name} has no valid host and port (its value is not shown); write {scheme}://host:port."
    if not _is_token(given.get("PROCESSOR_TOKEN", "")):
        yield "PROCESSOR_TOKEN contains a space or a non-ASCII character (its value is not shown): choose another one."


def _serve_faults(given: Mapping[str, str]) -> Iterator[str]:
    listen = given.get("SERVE_LISTEN", "fd:3")
    found = LISTEN.fullmatch(listen)
    if found is None or int(found[1] or 0) > 65535:
        yield f"SERVE_LISTEN is {listen!r}; write host:port, [address]:port for IPv6, or fd:N."
    minings = given.get("SERVE_MININGS", "1")
    if not re.fullmatch(r"[0-9]{1,3}", minings) or not 1 <= int(minings) <= MOST_MININGS:
        yield f"SERVE_MININGS is {minings!r}; set it to a number from 1 to {MOST_MININGS}."
    waiting = given.get("SERVE_WAITING", "0")
    if not re.fullmatch(r"[0-9]{1,5}", waiting) or int(waiting) > MOST_WAITING:
        yield f"SERVE_WAITING is {waiting!r}; set it to a number from 0 to {MOST_WAITING}."
    yield from _door_faults(given)
    token = given.get("SERVE_TOKEN")
    if token is None:
        return
    if not _is_token(token):
        yield "SERVE_TOKEN contains a space or a non-ASCII character (its value is not shown): choose another one."
    elif len(token) < MIN_TOKEN_CHARACTERS:
        yield f"SERVE_TOKEN has fewer than {MIN_TOKEN_CHARACTERS} characters (not shown): set it to a long random text."


def _door_faults(given: Mapping[str, str]) -> Iterator[str]:
    if not _is_origin(given.get("SERVE_URL", "http://a").rstrip("/")):
        yield "SERVE_URL must be the address of the service without a path, like https://leadminer.example.org."
    for origin in listed(given.get("SERVE_ORIGINS", "")):
        if not _is_origin(origin):
            yield f"SERVE_ORIGINS contains {origin!r}: write origins like https://app.example.org, with commas between."
    if given.get("SERVE_PAGE", "0") not in ("0", "1"):
        yield f"SERVE_PAGE is {given['SERVE_PAGE']!r}; set it to 0 or 1."
    for host in listed(given.get("SERVE_ALLOW_HOSTS", "")):
        if not re.fullmatch(r"[A-Za-z0-9_.:\[\]-]+(/[0-9]{1,3})?", host):
            yield f"SERVE_ALLOW_HOSTS contains {host!r}: write names, addresses or networks, with commas between."
    secret = given.get("SUPABASE_JWT_SECRET")
    if secret is not None and "SUPABASE_URL" not in given:
        yield "SUPABASE_JWT_SECRET is set without SUPABASE_URL: set both, or neither."
    elif secret is not None and len(secret) < MIN_JWT_SECRET_CHARACTERS:
        yield f"SUPABASE_JWT_SECRET has fewer than {MIN_JWT_SECRET_CHARACTERS} characters (not shown): correct it."


def listed(text: str) -> tuple[str, ...]:
    """Return the entries of a setting that has commas between them."""
    return tuple(entry for entry in (part.strip() for part in text.split(",")) if entry)


def _is_origin(text: str) -> bool:
    scheme, _, place = text.partition("://")
    return scheme in ("http", "https") and re.fullmatch(r"[^/?#@\s]+", place) is not None and _has_host(text)


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _listed(names: tuple[str, ...] | list[str], word: str = "and") -> str:
    return f"{', '.join(names[:-1])} {word} {names[-1]}"
