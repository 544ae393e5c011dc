"""The table of all settings: what each may say, what stands in for it, and when it is needed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.naming import ENVIRONMENTS

NAMESPACE = "leadminer"
SIZES = ("small", "medium", "large")
JURISDICTIONS = ("default", "eu", "fedramp")
LOCATIONS = ("apac", "eeur", "enam", "oc", "weur", "wnam")
ALWAYS = "always needed"
_BOOLEAN = "true|false"
_HOST = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
_PORT = r"[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]"
_IMAGE = r"[\w./:-]+(?:@sha256:[0-9a-f]{64})?"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: a pattern for its values, in words too, and an example for whoever has to set it.

    `variable` names an environment variable that stands in, `when` why it is needed, or the other setting that makes
    it needed: `name=value`, or `name` where that must not be empty.
    """

    name: str
    pattern: str
    means: str
    example: str
    default: str = ""
    variable: str | None = None
    secret: bool = False
    when: str = ""

    def allows(self, value: str) -> bool:
        """Return whether a value has the right form."""
        return re.fullmatch(self.pattern, value) is not None

    @property
    def fix(self) -> str:
        """The command that sets it."""
        return f"pulumi config set {'--secret ' if self.secret else ''}{NAMESPACE}:{self.name} {self.example}"

    def needed(self, values: Mapping[str, str]) -> str:
        """Return why it has to be set, given the others; an empty text where it need not be."""
        if self.when in ("", ALWAYS):
            return self.when
        name, operator, value = re.fullmatch(r"(\w+)(=)?(\w*)", self.when).groups()  # type: ignore[union-attr]
        other = values.get(name, "")
        if operator == "=" and other == value:
            return f"since {name} is {value or 'not set'}"
        return f"since {name} is set" if operator is None and other else ""


def _choice(name: str, choices: tuple[str, ...], default: str = "", when: str = "") -> Setting:
    return Setting(name, "|".join(choices), f"one of {', '.join(choices)}", choices[0], default, when=when)


def _image(name: str, variable: str | None = None) -> Setting:
    return Setting(name, _IMAGE, "an image by name, tag and digest", "name:tag@sha256:…", variable=variable)


def _secret(name: str, variable: str, when: str) -> Setting:
    return Setting(name, ".+", "a secret", f"< {name}.txt", variable=variable, secret=True, when=when)


COMMON = (
    Setting("protectData", _BOOLEAN, "true or false", "true", default="true"),
    Setting("monthlyMessages", r"[1-9]\d{0,11}", "a number of messages a month", "1000000", default="1000000"),
    Setting("budgetDollars", r"\d+(\.\d+)?", "US dollars a month", "25"),
    _image("imageFetcher", "FETCHER_IMAGE"),
    _image("imagePython"),
    _choice("size", SIZES, "small"),
    Setting("publishAddress", r"[0-9a-fA-F:.]+", "an address of the fetcher's host", "127.0.0.1", default="127.0.0.1"),
    Setting("publishPort", _PORT, "a port from 1 to 65535", "8090", default="8090"),
)
CLOUDFLARE = (
    *COMMON,
    _choice("environment", ENVIRONMENTS, when=ALWAYS),
    Setting(
        "accountId",
        "[0-9a-f]{32}",
        "the 32 hex digits of an account's id",
        "0123…",
        variable="CLOUDFLARE_ACCOUNT_ID",
        when=ALWAYS,
    ),
    _choice("jurisdiction", JURISDICTIONS, "default"),
    _choice("location", LOCATIONS),
    Setting("domain", _HOST, "a host name of a zone of the account", "processor.example.org"),
    Setting("zoneId", "[0-9a-f]{32}", "the 32 hex digits of a zone's id", "0123…", when="domain"),
    Setting("workersSubdomain", "[a-z0-9-]+", "the account's name at workers.dev", "example", when="domain="),
    Setting(
        "supabaseUrl",
        r"https?://[^\s/]+",
        "the URL of a Supabase project, without a path",
        "https://example.supabase.co",
        variable="SUPABASE_URL",
        when=ALWAYS,
    ),
    _secret("supabaseServiceKey", "SUPABASE_SERVICE_KEY", ALWAYS),
    _choice("fetcher", ("host", "none"), "host"),
    Setting(
        "fetcherHost",
        r"ssh://\S+|unix:///\S+",
        "ssh://user@host or unix:///path",
        "ssh://root@fetcher.example.org, or, where none is wanted, pulumi config set leadminer:fetcher none",
        when="fetcher=host",
    ),
    _secret("fetcherApiToken", "CLOUDFLARE_API_TOKEN", "fetcher=host"),
    _secret("r2AccessKeyId", "CLOUDFLARE_R2_ACCESS_KEY_ID", "fetcher=host"),
    _secret("r2SecretAccessKey", "CLOUDFLARE_R2_SECRET_ACCESS_KEY", "fetcher=host"),
)
SELFHOST = (
    *COMMON,
    Setting("prefix", "[a-z][a-z0-9-]{0,30}", "a word of small letters", "leadminer", default="leadminer"),
    Setting(
        "dockerHost",
        r"ssh://\S+|unix:///\S+",
        "ssh://user@host or unix:///path",
        "unix:///var/run/docker.sock",
        default="unix:///var/run/docker.sock",
    ),
    Setting("processors", r"[1-9]\d?", "a number from 1 to 99", "2", default="2"),
    Setting("backupsKept", r"[1-9]\d{0,2}", "a number of dumps from 1 to 999", "7", default="7"),
    Setting("backupHour", r"1?\d|2[0-3]", "an hour of the day in UTC, 0 to 23", "2", default="2"),
    Setting("serverDollars", r"\d+(\.\d+)?", "US dollars a month", "20", when="budgetDollars"),
    _image("imagePostgres"),
    _image("imageRedis"),
    _image("imageProcessor"),
)
BY_MODE = {"cloudflare": CLOUDFLARE, "postgresql": SELFHOST}
"""The settings of each storage mode."""
SECRETS = frozenset(setting.name for table in BY_MODE.values() for setting in table if setting.secret)
"""The names of the secret ones."""
