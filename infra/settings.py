"""The table of all settings: allowed values, defaults, environment variables, and when each is required."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.naming import ENVIRONMENTS

NAMESPACE = "leadminer"
SIZES = ("small", "medium", "large")
JURISDICTIONS = ("default", "eu", "fedramp", "us")
LOCATIONS = ("apac", "eeur", "enam", "oc", "weur", "wnam")
ALWAYS = "always required"
_BOOLEAN = "true|false"
_HOST = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
_PORT = r"[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]"
_IMAGE = r"[\w./:-]+(?:@sha256:[0-9a-f]{64})?"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: a pattern for its values, the same in words, and an example.

    `variable` names an environment variable that is used if the setting is absent. `when` says when the setting is
    required: ALWAYS, or if another setting has a value (`name=value`), or if it has any value (`name`).
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
        """The command that sets this setting."""
        return f"pulumi config set {'--secret ' if self.secret else ''}{NAMESPACE}:{self.name} {self.example}"

    def needed(self, values: Mapping[str, str]) -> str:
        """Return why this setting is required, given the others; an empty string if it is not."""
        if self.when in ("", ALWAYS):
            return self.when
        name, operator, value = re.fullmatch(r"(\w+)(=)?(\w*)", self.when).groups()  # type: ignore[union-attr]
        other = values.get(name, "")
        if operator == "=" and other == value:
            return f"because {name} is {value or 'not set'}"
        return f"because {name} is set" if operator is None and other else ""


def _choice(name: str, choices: tuple[str, ...], default: str = "", when: str = "") -> Setting:
    return Setting(name, "|".join(choices), f"one of {', '.join(choices)}", choices[0], default, when=when)


def _image(name: str, variable: str | None = None) -> Setting:
    return Setting(
        name, _IMAGE, "an image name with a tag, and optionally a digest", "name:tag@sha256:…", variable=variable
    )


def _secret(name: str, variable: str | None = None, when: str = "") -> Setting:
    return Setting(name, ".+", "a secret", f"< {name}.txt", variable=variable, secret=True, when=when)


COMMON = (
    Setting("protectData", _BOOLEAN, "true or false", "true", default="true"),
    Setting("monthlyMessages", r"[1-9]\d{0,11}", "a number of messages per month", "1000000", default="1000000"),
    Setting("budgetDollars", r"\d+(\.\d+)?", "US dollars per month", "25"),
    _image("imageFetcher", "FETCHER_IMAGE"),
    _image("imagePython"),
    _choice("size", SIZES, "small"),
    Setting(
        "publishAddress", r"[0-9a-fA-F:.]+", "an IP address of the fetcher's host", "127.0.0.1", default="127.0.0.1"
    ),
    _secret("processorTokenPrevious"),
    Setting("publishPort", _PORT, "a port from 1 to 65535", "8090", default="8090"),
    Setting("serveUrl", r"https?://[^\s/?#@]+", "a URL without a path", "https://leadminer.example.org"),
    Setting(
        "serveOrigins",
        r"https?://[^\s/?#@,]+(, ?https?://[^\s/?#@,]+)*",
        "origins with commas between",
        "https://app.example.org",
    ),
    Setting("serveAllowHosts", r"[\w.:\[\]/, -]+", "names, addresses or networks, with commas between", "mail.lan"),
)
CLOUDFLARE = (
    *COMMON,
    _choice("environment", ENVIRONMENTS, when=ALWAYS),
    Setting(
        "accountId",
        "[0-9a-f]{32}",
        "an account id of 32 hex digits",
        "0123…",
        variable="CLOUDFLARE_ACCOUNT_ID",
        when=ALWAYS,
    ),
    _choice("jurisdiction", JURISDICTIONS, "default"),
    _choice("location", LOCATIONS),
    Setting("domain", _HOST, "a host name in a zone of the account", "processor.example.org"),
    Setting("zoneId", "[0-9a-f]{32}", "a zone id of 32 hex digits", "0123…", when="domain"),
    Setting("workersSubdomain", "[a-z0-9-]+", "the account's subdomain of workers.dev", "example", when="domain="),
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
        "ssh://root@fetcher.example.org, or for a stack without a fetcher, pulumi config set leadminer:fetcher none",
        when="fetcher=host",
    ),
    _secret("fetcherApiToken", "CLOUDFLARE_API_TOKEN", "fetcher=host"),
    _secret("r2AccessKeyId", "CLOUDFLARE_R2_ACCESS_KEY_ID", "fetcher=host"),
    _secret("r2SecretAccessKey", "CLOUDFLARE_R2_SECRET_ACCESS_KEY", "fetcher=host"),
)
SELFHOST = (
    *COMMON,
    Setting(
        "prefix",
        "[a-z][a-z0-9-]{0,30}",
        "a name of lowercase letters, digits and hyphens",
        "leadminer",
        default="leadminer",
    ),
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
    Setting("serverDollars", r"\d+(\.\d+)?", "US dollars per month", "20", when="budgetDollars"),
    _image("imagePostgres"),
    _image("imageRedis"),
    _image("imageProcessor"),
)
BY_MODE = {"cloudflare": CLOUDFLARE, "postgresql": SELFHOST}
"""The settings of each storage mode."""
SECRETS = frozenset(setting.name for table in BY_MODE.values() for setting in table if setting.secret)
"""The names of all secret settings."""
