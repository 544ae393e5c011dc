"""All wrong settings are reported at once, each with its fix; missing ones get their defaults."""

import pytest

from infra.config import Settings, WrongSettings, check, judge
from infra.settings import BY_MODE, Setting

SELFHOST = {"mode": "postgresql"}
CLOUDFLARE = {
    "mode": "cloudflare",
    "environment": "prod",
    "accountId": "0" * 32,
    "supabaseUrl": "https://example.supabase.co",
    "workersSubdomain": "example",
    "fetcherHost": "unix:///var/run/docker.sock",
}
ENVIRONMENT = {
    "SUPABASE_SERVICE_KEY": "key-of-supabase",
    "CLOUDFLARE_API_TOKEN": "token-of-cloudflare",
    "CLOUDFLARE_R2_ACCESS_KEY_ID": "id-of-r2",
    "CLOUDFLARE_R2_SECRET_ACCESS_KEY": "key-of-r2",
}


def faults(plain: dict[str, str], environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(WrongSettings) as refused:
        check("test", plain, {}, environment or {})
    return refused.value.faults


def without(settings: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name not in names}


def test_a_server_needs_nothing_but_the_mode() -> None:
    """A stack on one server has defaults for everything but the mode, and its data is protected."""
    settings = check("selfhost", SELFHOST, {}, {})

    assert settings.protected
    assert settings["publishAddress"] == "127.0.0.1"
    assert settings["processors"] == "2"


def test_the_environment_stands_in_for_secrets() -> None:
    """Secrets can come from the environment, but configured ones take precedence."""
    settings = check("production", CLOUDFLARE, {"supabaseServiceKey": "configured"}, ENVIRONMENT)

    assert settings.secrets["supabaseServiceKey"] == "configured"
    assert settings.secrets["r2AccessKeyId"] == "id-of-r2"


def test_the_environment_may_name_the_fetchers_image() -> None:
    """FETCHER_IMAGE names the fetcher's image, unless the stack file does."""
    image = {"FETCHER_IMAGE": f"ghcr.io/example/fetcher@sha256:{'a' * 64}"}

    given = check("production", CLOUDFLARE, {}, ENVIRONMENT | image)
    configured = check("production", CLOUDFLARE | {"imageFetcher": "mine:1"}, {}, ENVIRONMENT | image)

    assert (given["imageFetcher"], configured["imageFetcher"]) == (image["FETCHER_IMAGE"], "mine:1")


def test_no_secret_is_shown() -> None:
    """Printed settings show no secret."""
    settings = check("production", CLOUDFLARE, {}, ENVIRONMENT)

    assert not [value for value in ENVIRONMENT.values() if value in repr(settings)]


def test_an_unknown_mode_says_which_there_are() -> None:
    """An unknown mode is the only fault reported, with the known ones."""
    assert faults({"mode": "aws"}) == [
        "leadminer:mode is 'aws', not one of cloudflare, postgresql: pulumi config set leadminer:mode cloudflare"
    ]


def test_all_faults_are_told_at_once() -> None:
    """Unknown, malformed and missing settings are all reported, each with the command that fixes it."""
    wrong = without(CLOUDFLARE, "supabaseUrl") | {"acountId": "1", "environment": "test", "accountId": "1"}

    found = faults(wrong, ENVIRONMENT)

    assert len(found) == 4
    assert found[0].startswith("leadminer:acountId is not a setting of this kind of stack: pulumi config rm")
    assert "leadminer:environment is 'test', not one of prod, staging: pulumi config set" in found[1]
    assert found[2].startswith("leadminer:accountId is '1', not an account id of 32 hex digits")
    assert "leadminer:supabaseUrl is missing" in found[3]
    assert "or set SUPABASE_URL in the environment" in found[3]


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        (without(CLOUDFLARE, "fetcherHost"), "fetcherHost"),
        (without(CLOUDFLARE, "workersSubdomain"), "workersSubdomain"),
        (CLOUDFLARE | {"domain": "processor.example.org"}, "zoneId"),
    ],
)
def test_what_another_setting_makes_needed_is_missed(settings: dict[str, str], missing: str) -> None:
    """The fault names the other setting that makes this one required."""
    (fault,) = faults(settings, ENVIRONMENT)

    assert fault.startswith(f"leadminer:{missing} is missing (because ")


@pytest.mark.parametrize(("port", "is_one"), [("1", True), ("65535", True), ("65536", False), ("0", False)])
def test_a_port_is_one_that_there_is(port: str, is_one: bool) -> None:
    """Only ports from 1 to 65535 are accepted."""
    found = judge("selfhost", SELFHOST | {"publishPort": port}, {}, {})[1]

    assert (found == []) is is_one


def test_a_missing_host_of_the_fetcher_names_the_way_without() -> None:
    """If the fetcher's host is missing, the fix also says how to deploy without a fetcher."""
    (fault,) = faults(without(CLOUDFLARE, "fetcherHost"), ENVIRONMENT)

    assert "pulumi config set leadminer:fetcher none" in fault


def test_without_a_fetcher_its_settings_are_not_missed() -> None:
    """Without a fetcher, neither its host nor its keys are required."""
    settings = without(CLOUDFLARE, "fetcherHost") | {"fetcher": "none"}

    assert check("staging", settings, {}, {"SUPABASE_SERVICE_KEY": "k"})["fetcher"] == "none"


def test_a_secret_in_the_clear_is_refused() -> None:
    """A secret in plain text in the stack file is refused, since the file is committed."""
    with pytest.raises(WrongSettings, match="supabaseServiceKey is in plain text in the stack file"):
        check("test", CLOUDFLARE, {"supabaseServiceKey": "x"}, ENVIRONMENT, clear={"supabaseServiceKey"})


@pytest.mark.parametrize(
    "setting", dict.fromkeys(each for table in BY_MODE.values() for each in table), ids=lambda each: each.name
)
def test_defaults_are_allowed(setting: Setting) -> None:
    """Every default is a valid value of its setting."""
    assert not setting.default or setting.allows(setting.default)


def test_numbers_are_read_and_absent_ones_are_zero() -> None:
    """A number that is not set is 0."""
    settings = Settings("test", "postgresql", {"a": "2.5", "b": ""}, {})

    assert (settings.number("a"), settings.number("b")) == (2.5, 0.0)
