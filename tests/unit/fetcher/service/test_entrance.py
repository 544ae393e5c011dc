"""The service's doors are what its settings say."""

import socket
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from fetcher.imap.reach import HostRefused, PublicOnly
from fetcher.service.doors import Caller, Doors, Shut
from fetcher.service.entrance import is_private, make_doors, make_mailboxes
from fetcher.service.listener import open_socket
from fetcher.service.sessions import kept_secret
from fetcher.settings import Settings
from schemas.tokens import TokenScope, make_token

LATER = 2**33


def settings(**given: object) -> Settings:
    return Settings.model_validate({name.upper(): value for name, value in given.items()})


async def caller(doors: Doors, token: str) -> Caller | None:
    """Return whom the doors let in with a token."""
    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/users/jo/minings", "headers": headers, "client": ("::1", 1)}
    try:
        return await doors.admit(HTTPConnection(scope))
    except Shut:
        return None


@pytest.mark.parametrize("secret", ["now", "before", "service"])
async def test_tokens_of_the_command_line_are_accepted(secret: str) -> None:
    """What `leadminer token` prints opens the service too, also while the processor's secret is replaced."""
    doors = make_doors(settings(serve_token="service", processor_token="now", processor_token_previous="before"))

    found = await caller(doors, make_token(secret, "jo", [TokenScope.READ], LATER))

    assert found == Caller("jo", frozenset({TokenScope.READ}), LATER)
    assert await caller(doors, make_token("other", "jo", TokenScope, LATER)) is None
    assert await caller(doors, "service") == Caller()
    assert await caller(doors, "now") is None


async def test_a_service_without_a_token_keeps_a_secret(tmp_path: Path) -> None:
    """A newcomer needs no setting: links and tokens come from a secret in the data directory, which is no token."""
    doors = make_doors(settings(leadminer_home=tmp_path))
    secret = kept_secret(tmp_path)

    assert doors.sessions.read_cookie(make_doors(settings(leadminer_home=tmp_path)).sessions.cookie("jo"))
    assert await caller(doors, make_token(secret, "jo", TokenScope, LATER)) == Caller("jo", expires_at=LATER)
    assert await caller(doors, secret) is None


@pytest.mark.parametrize(
    ("listen", "url", "private"),
    [
        ("127.0.0.1:0", "", True),
        ("[::1]:0", "", True),
        ("127.0.0.1:0", "http://localhost:8090", True),
        ("127.0.0.1:0", "https://leadminer.example.org", False),
        ("0.0.0.0:0", "", False),
        ("0.0.0.0:0", "http://127.0.0.1:8090", False),
    ],
)
def test_who_reaches_the_service(listen: str, url: str, private: bool) -> None:
    """A service is private if it listens on loopback, and no proxy brings others to it."""
    with open_socket(listen) as listening:
        assert is_private(settings(serve_url=url), listening) is private


def test_a_unix_socket_is_not_private(tmp_path: Path) -> None:
    """Behind a Unix socket there is usually a proxy."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))

        assert not is_private(settings(), listening)


def test_mail_servers_inside_are_refused_in_public() -> None:
    """A service that others reach connects to no host inside, but for those in SERVE_ALLOW_HOSTS."""
    with socket.create_server(("127.0.0.1", 0)) as inside, open_socket("0.0.0.0:0") as public:
        place = inside.getsockname()
        refusing = make_mailboxes(settings(), public)._dial
        allowing = make_mailboxes(settings(serve_allow_hosts="10.0.0.1, 127.0.0.1"), public)._dial

        assert isinstance(refusing, PublicOnly)
        with pytest.raises(HostRefused):
            refusing(place, 1.0)
        allowing(place, 1.0).close()
    with open_socket("127.0.0.1:0") as private:
        assert make_mailboxes(settings(), private)._dial is socket.create_connection


def test_the_project_is_the_one_in_the_settings() -> None:
    """JWTs are those of SUPABASE_URL, and HS256 counts only with its secret."""
    plain = make_doors(settings(serve_token="x", supabase_url="https://a.example.org/"))
    with_secret = make_doors(
        settings(serve_token="x", supabase_url="https://a.example.org", supabase_jwt_secret=SecretStr("s" * 40))
    )

    assert plain._jwts is not None
    assert with_secret._jwts is not None
    assert (plain._jwts._issuer, plain._jwts._secret) == ("https://a.example.org/auth/v1", None)
    assert with_secret._jwts._secret is not None
    assert make_doors(settings(serve_token="x"))._jwts is None
