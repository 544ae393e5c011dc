"""A service connects to mail servers on the Internet, to those that it is told, and to nothing else."""

import socket
from typing import Any

import pytest

from fetcher.imap.reach import HostRefused, PublicOnly, is_public

INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",
    "2001:0:808:808::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
]
OUTSIDE = ["8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public(address: str) -> None:
    """Loopback, private, link-local, metadata, multicast and reserved addresses are refused, in every disguise."""
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_on_the_internet_is_public(address: str) -> None:
    """Addresses of mail servers on the Internet are allowed."""
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "localhost",
        "::1",
        "0",
        "0.0.0.0",
    ],
)
def test_forms_of_loopback_are_refused(host: str) -> None:
    """Decimal, octal, hexadecimal and short forms of an address are the same address."""
    with pytest.raises(HostRefused, match=r"not on the Internet.*SERVE_ALLOW_HOSTS"):
        PublicOnly()((host, 143), 1.0)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the answers of DNS, which the test fills; each question takes the next one. Real addresses need none."""
    waiting: list[list[str]] = []
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host != "mail.example.org":
            return real(host, port, *args, **options)
        return [found for address in waiting.pop(0) for found in real(address, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return waiting


def test_a_name_that_leads_inside_is_refused(answers: list[list[str]]) -> None:
    """A name with a private address is refused, even beside a public one."""
    answers.extend([["10.0.0.1"], ["8.8.8.8", "127.0.0.1"]])

    for _ in range(2):
        with pytest.raises(HostRefused):
            PublicOnly()(("mail.example.org", 143), 1.0)


def test_the_address_that_was_checked_is_connected_to(
    answers: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up once: the connection goes to the address of the answer that was checked."""
    connected: list[tuple[str, int]] = []
    monkeypatch.setattr(socket, "create_connection", lambda place, timeout: connected.append(place))
    answers.extend([["8.8.8.8"], ["127.0.0.1"]])
    dial = PublicOnly()

    dial(("mail.example.org", 143), 1.0)

    assert connected == [("8.8.8.8", 143)]
    with pytest.raises(HostRefused):  # a later connection looks it up again, and DNS has changed its answer
        dial(("mail.example.org", 143), 1.0)
    assert connected == [("8.8.8.8", 143)]


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.0/8", "localhost"),
        ("Localhost", "localhost"),
        ("localhost.", "localhost"),
        ("[::1]", "::1"),
    ],
)
def test_named_hosts_are_allowed(allowed: str, host: str) -> None:
    """SERVE_ALLOW_HOSTS takes names, addresses and networks."""
    family, own = (socket.AF_INET6, "::1") if ":" in host else (socket.AF_INET, "127.0.0.1")
    dial = PublicOnly([allowed, "::1", "fd00::/8"])

    with socket.create_server((own, 0), family=family) as listening:
        port = listening.getsockname()[1]
        dial((host, port), 5.0).close()


def test_the_next_address_is_tried(answers: list[list[str]]) -> None:
    """If the first address of a server does not answer, the next one does; without any, the error is the last one's."""
    with socket.create_server(("127.0.0.2", 0)) as listening:
        port = listening.getsockname()[1]
        answers.extend([["127.0.0.3", "127.0.0.2"], ["127.0.0.3"]])
        dial = PublicOnly(["127.0.0.0/8"])

        dial(("mail.example.org", port), 5.0).close()

        with pytest.raises(ConnectionRefusedError):
            dial(("mail.example.org", port), 5.0)
