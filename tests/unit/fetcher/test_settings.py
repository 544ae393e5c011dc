"""Wrong settings are all refused at once, by name, without showing a credential."""

import os
from pathlib import Path

import pytest

from fetcher.settings import Settings, WrongSettings, listed, read_settings, unknown_settings

SERVERS = {
    "POSTGRES_CONNECTION_STRING": "postgresql://leadminer:secret@db/leadminer",
    "REDIS_URL": "redis://:secret@queue:6379/0",
    "PROCESSOR_URL": "http://processor:8080",
    "PROCESSOR_TOKEN": "secret-token",
    "RAW_STORE_PATH": "/var/lib/leadminer/raw",
}
ACCOUNT = {
    "STORAGE_MODE": "cloudflare",
    "CLOUDFLARE_ACCOUNT_ID": "0123456789abcdef0123456789abcdef",
    "CLOUDFLARE_API_TOKEN": "secret-api-token",
    "CLOUDFLARE_QUEUES": "mining-queue-prod",
    "CLOUDFLARE_R2_ACCESS_KEY_ID": "key-id",
    "CLOUDFLARE_R2_BUCKET": "mining-emails-prod",
    "CLOUDFLARE_R2_SECRET_ACCESS_KEY": "secret-access-key",
    "PROCESSOR_URL": "https://mining-workers-prod.example.org",
    "PROCESSOR_TOKEN": "secret-token",
}


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(
            (
                "POSTGRES_",
                "REDIS_",
                "CLOUDFLARE_",
                "PROCESSOR_",
                "LEADMINER_",
                "RAW_",
                "SERVE_",
                "STORAGE_",
                "SUPABASE_",
            )
        ):
            monkeypatch.delenv(name)


def _read(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> Settings:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def _faults(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> list[str]:
    with pytest.raises(WrongSettings) as caught:
        _read(monkeypatch, settings)
    return caught.value.faults


def test_nothing_set_means_embedded_servers_in_the_users_data_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing set, the embedded servers are used, in the user's data directory."""
    settings = _read(monkeypatch, {})

    assert settings.embedded
    assert settings.home.is_absolute()
    assert settings.home.name == "leadminer"


def test_leadminer_home_moves_the_data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """LEADMINER_HOME moves the data directory of the embedded servers."""
    assert _read(monkeypatch, {"LEADMINER_HOME": str(tmp_path)}).home == tmp_path


def test_own_servers_are_used_when_all_that_they_need_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all servers configured, no embedded server starts."""
    settings = _read(monkeypatch, SERVERS)

    assert not settings.embedded
    assert settings.raw_store_path == Path("/var/lib/leadminer/raw")


def test_an_empty_setting_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty setting counts as unset, because Compose files write empty values for missing ones."""
    assert _read(monkeypatch, dict.fromkeys([*SERVERS, "CLOUDFLARE_QUEUES", "STORAGE_MODE"], "")).embedded


@pytest.mark.parametrize("name", ["CLOUDFLARE_R2_BUCKET", "CLOUDFLARE_D1_DATABASE", "CLOUDFLARE_QUEUES"])
def test_a_store_of_cloudflare_is_refused_in_postgresql_mode(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A setting of the other mode is refused, and the error names it."""
    assert [name in fault for fault in _faults(monkeypatch, SERVERS | {name: "x"})] == [True]


@pytest.mark.parametrize("name", ["POSTGRES_CONNECTION_STRING", "POSTGRES_MINING_CONNECTION_STRING", "REDIS_URL"])
def test_a_server_is_refused_in_cloudflare_mode(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A setting of the other mode is refused, and the error names it."""
    assert [name in fault for fault in _faults(monkeypatch, ACCOUNT | {name: "x"})] == [True]


@pytest.mark.parametrize("mode", [{}, ACCOUNT], ids=["postgresql", "cloudflare"])
def test_credentials_of_other_programs_are_ignored(monkeypatch: pytest.MonkeyPatch, mode: dict[str, str]) -> None:
    """Credentials that many people have in their shell for other programs are ignored."""
    shell = {"CLOUDFLARE_API_TOKEN": "x", "CLOUDFLARE_ACCOUNT_ID": "x", "POSTGRES_USER": "x", "POSTGRES_PASSWORD": "x"}
    shell |= {} if mode else {"CLOUDFLARE_BASE_URL": "x"}

    assert _read(monkeypatch, shell | mode).storage_mode == mode.get("STORAGE_MODE", "postgresql")


@pytest.mark.parametrize("name", [name for name in ACCOUNT if name != "STORAGE_MODE"])
def test_cloudflare_mode_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """In `cloudflare` mode, each missing setting is named."""
    (fault,) = _faults(monkeypatch, {key: value for key, value in ACCOUNT.items() if key != name})

    assert fault.startswith(f"{name} is not set")


def test_the_endpoint_of_r2_is_the_accounts_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint of R2 comes from the account unless it is set, as for a bucket in a jurisdiction."""
    plain = _read(monkeypatch, ACCOUNT)
    european = "https://0123456789abcdef0123456789abcdef.eu.r2.cloudflarestorage.com"
    moved = _read(monkeypatch, ACCOUNT | {"CLOUDFLARE_R2_ENDPOINT": european})

    assert plain.r2_endpoint == "https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com"
    assert moved.r2_endpoint == european
    assert not plain.embedded


def test_an_account_that_is_none_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong account id is shown; people often use the account's name instead."""
    (fault,) = _faults(monkeypatch, ACCOUNT | {"CLOUDFLARE_ACCOUNT_ID": "leadminer"})

    assert "'leadminer'" in fault


@pytest.mark.parametrize("name", ["POSTGRES_CONNECTION_STRING", "REDIS_URL"])
def test_one_server_without_the_other_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """One server without the other is a mistake, and the missing one is not replaced by an embedded one."""
    (fault,) = _faults(monkeypatch, {name: SERVERS[name]})

    assert "POSTGRES_CONNECTION_STRING" in fault
    assert "REDIS_URL" in fault


@pytest.mark.parametrize("name", ["PROCESSOR_URL", "PROCESSOR_TOKEN", "RAW_STORE_PATH"])
def test_own_servers_need_a_processor_and_a_raw_store(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Your own servers need a processor and a raw store, and a missing setting is named."""
    (fault,) = _faults(monkeypatch, {key: value for key, value in SERVERS.items() if key != name})

    assert fault.startswith(f"{name} is not set")


@pytest.mark.parametrize(
    "name", ["PROCESSOR_URL", "PROCESSOR_TOKEN", "RAW_STORE_PATH", "POSTGRES_MINING_CONNECTION_STRING"]
)
def test_what_embedded_servers_would_not_heed_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A setting that the embedded servers would ignore is refused."""
    value = (SERVERS | {"POSTGRES_MINING_CONNECTION_STRING": "postgresql://db/x"})[name]

    assert [fault.split()[0] for fault in _faults(monkeypatch, {name: value})] == [name]


def test_an_unknown_mode_is_refused_with_its_value_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown mode is refused, and the error shows its value and the valid ones."""
    assert _faults(monkeypatch, {"STORAGE_MODE": "postgres"}) == [
        "STORAGE_MODE is 'postgres'; set it to postgresql or cloudflare."
    ]


def test_an_unknown_setting_of_ours_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown setting that starts with LEADMINER_ is no fault, but named beside those that exist."""
    (sentence,) = unknown_settings({"LEADMINER_HOEM": "/tmp", "LEADMINER_HOME": "/tmp", "LEADMINER_X": "", "X": "1"})

    assert _read(monkeypatch, {"LEADMINER_HOEM": "/tmp"}).embedded
    assert "LEADMINER_HOEM" in sentence
    assert "LEADMINER_HOME" in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES_CONNECTION_STRING", "mysql://u:secret@db/x"),
        ("REDIS_URL", "http://:secret@queue"),
        ("REDIS_URL", "secret"),
        ("REDIS_URL", "redis://:secret@queue:notaport"),
        ("REDIS_URL", "secret/secret://queue"),
        ("PROCESSOR_URL", "processor:8080/secret"),
        ("PROCESSOR_URL", "http://u:secret@:1"),
        ("PROCESSOR_TOKEN", "secret with blanks"),
        ("PROCESSOR_TOKEN", "secret\u00e9"),
    ],
)
def test_a_malformed_value_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A malformed value is refused by the setting's name, without showing a credential in it."""
    (fault,) = _faults(monkeypatch, SERVERS | {name: value})

    assert fault.startswith(name)
    assert "secret" not in fault


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES_CONNECTION_STRING", "host=/run/postgresql dbname=leadminer"),
        ("POSTGRES_CONNECTION_STRING", "postgres://a:1,b:2/leadminer"),
        ("REDIS_URL", "unix:///run/redis.sock"),
        ("REDIS_URL", "rediss://queue"),
        ("PROCESSOR_URL", "https://[::1]:8443"),
    ],
)
def test_every_usual_form_is_taken(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Sockets, keywords, several hosts and IPv6 are all valid."""
    assert not _read(monkeypatch, SERVERS | {name: value}).embedded


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All faults are reported at once, so they can be fixed at once."""
    wrong = {"LEADMINER_DEBUG": "yes", "CLOUDFLARE_QUEUES": "q", "REDIS_URL": "ftp://x", "PROCESSOR_TOKEN": "a b"}

    assert len(_faults(monkeypatch, wrong)) == 5


@pytest.mark.parametrize("settings", [SERVERS, ACCOUNT], ids=["postgresql", "cloudflare"])
def test_settings_show_no_credential(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """Settings never show a credential in their repr, and so not in a log or traceback."""
    shown = repr(_read(monkeypatch, settings))
    for name in ("cloudflare_r2_secret_access_key", "supabase_jwt_secret"):
        shown = shown.replace(name, "")

    assert "secret" not in shown


@pytest.mark.parametrize("listen", ["127.0.0.1:8090", "[::1]:8090", "fd:3", "fetcher:0"])
def test_the_service_listens_where_it_is_told(monkeypatch: pytest.MonkeyPatch, listen: str) -> None:
    """SERVE_LISTEN takes a host and port, IPv6 in brackets, or an inherited socket."""
    assert _read(monkeypatch, {"SERVE_LISTEN": listen}).serve_listen == listen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVE_LISTEN", "8090"),
        ("SERVE_LISTEN", "127.0.0.1:65536"),
        ("SERVE_LISTEN", "fd:x"),
        ("SERVE_LISTEN", "http://127.0.0.1:8090"),
        ("SERVE_MININGS", "0"),
        ("SERVE_MININGS", "65"),
        ("SERVE_MININGS", "many"),
        ("SERVE_WAITING", "-1"),
        ("SERVE_WAITING", "10001"),
        ("LEADMINER_LINGER", "-1"),
        ("LEADMINER_LINGER", "86401"),
        ("LEADMINER_LINGER", "for ever"),
        ("SERVE_TOKEN", "secret-too-short"[:-1]),
        ("SERVE_TOKEN", "secret with blanks in it"),
        ("SERVE_TOKEN", "secret-beyond-ascii-é"),
    ],
)
def test_a_wrong_number_or_secret_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A wrong setting of the service or the servers is shown with its value, unless that is a token."""
    [fault] = _faults(monkeypatch, {name: value})

    assert name in fault
    assert (value in fault) is (name != "SERVE_TOKEN")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVE_URL", "leadminer.example.org"),
        ("SERVE_URL", "https://leadminer.example.org/mail"),
        ("SERVE_URL", "https://jane@leadminer.example.org"),
        ("SERVE_ORIGINS", "https://app.example.org,*"),
        ("SERVE_ORIGINS", "https://app.example.org/"),
        ("SERVE_PAGE", "off"),
        ("SERVE_ALLOW_HOSTS", "mail.lan, imap://mail.lan"),
        ("SUPABASE_URL", "abc.supabase.co"),
    ],
)
def test_a_door_that_is_set_wrong_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Who may use the service is never guessed: a malformed setting is refused by its name."""
    faults = _faults(monkeypatch, {name: value})

    assert [name in fault for fault in faults] == [True] * len(faults)


@pytest.mark.parametrize("settings", [{}, {"SUPABASE_URL": "https://abc.supabase.co"}])
def test_a_weak_secret_of_jwts_is_refused(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """A secret for JWTs belongs to a project and has at least 32 characters; it is not shown."""
    (fault,) = _faults(monkeypatch, settings | {"SUPABASE_JWT_SECRET": "hunter2"})

    assert "SUPABASE_JWT_SECRET" in fault
    assert "hunter2" not in fault


def test_doors_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists have commas between their entries, and spaces do not matter."""
    given = {"SERVE_ALLOW_HOSTS": "mail.lan, 10.0.0.0/8,[fd00::1],", "SERVE_PAGE": "0", "SERVE_URL": "https://a.org/"}

    settings = _read(monkeypatch, given)

    assert listed(settings.serve_allow_hosts) == ("mail.lan", "10.0.0.0/8", "[fd00::1]")
    assert (settings.serve_page, settings.serve_address) == (False, "https://a.org")


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://[::1]:80"),
        ("[2001:db8::1]:80", "http://[2001:db8::1]:80"),
        ("fd:3", ""),
    ],
)
def test_where_the_service_is_reached(monkeypatch: pytest.MonkeyPatch, listen: str, address: str) -> None:
    """Without SERVE_URL, people reach the service where it listens."""
    assert _read(monkeypatch, {"SERVE_LISTEN": listen}).serve_address == address
