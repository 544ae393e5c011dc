"""From an email address to its mailbox: the table, then DNS, then the usual names over TLS only."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from fetcher.imap.connection import HostUnreachable
from fetcher.imap.discovery import Connect, Found, find_mailbox
from fetcher.imap.source import BadSource, Source
from tests.support.name_server import Zone, resolver_of, silent_resolver

JANE = "jane@acme.example"
MX = ("acme.example", "MX")
SRV = ("_imaps._tcp.acme.example", "SRV")


def nowhere(address: tuple[str, int], timeout: float) -> socket.socket:
    """Connect to nothing, as if no guessed name had an address."""
    raise socket.gaierror(f"{address} {timeout}")


class Guessed:
    """A TLS server on loopback, which `connect` reaches under its certificate's name or others."""

    def __init__(self, authority: trustme.CA, certified: str, greeting: bytes, *, reached_as: str = "") -> None:
        self.reached_as, self.greeting, self.tried = reached_as or certified, greeting, list[str]()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(certified).configure_cert(self.context)

    def connect(self, address: tuple[str, int], timeout: float) -> socket.socket:
        """Return a connection to the server if the host is the one it is reached as."""
        self.tried.append(address[0])
        if address != (self.reached_as, 993):
            raise socket.gaierror(address[0])
        mine, theirs = socket.socketpair()
        mine.settimeout(timeout)
        threading.Thread(target=self._serve, args=(theirs,)).start()
        return mine

    def _serve(self, plain: socket.socket) -> None:
        try:
            with self.context.wrap_socket(plain, server_side=True) as safe:
                safe.sendall(self.greeting)
                safe.recv(1 if self.greeting else 0)
        except OSError:
            plain.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


def find(zone: Zone, connect: Connect = nowhere, ca_file: Path | None = None) -> Found:
    """Find Jane's mailbox with these records in DNS."""
    with resolver_of(zone) as resolver:
        return find_mailbox(JANE, ca_file=ca_file, resolver=resolver, connect=connect)


def test_a_known_provider_needs_no_network() -> None:
    """The table answers for a known domain, without DNS."""
    found = find_mailbox("jane@gmail.com", resolver=silent_resolver(), connect=nowhere)

    assert found.source.place == "imap.gmail.com:993"
    assert found.provider is not None


def test_a_url_is_taken_as_it_is() -> None:
    """A URL needs no network either; its provider is known by its host, and the login may contain a bare @."""
    found = find_mailbox("imaps://jane@outlook.com@outlook.office365.com", resolver=silent_resolver(), connect=nowhere)

    assert found.source == Source("jane@outlook.com", "outlook.office365.com", 993)
    assert found.provider is not None
    assert found.provider.oauth_only


def test_an_address_that_is_written_as_a_url_is_told() -> None:
    """The domain of a provider's addresses is no server; the error shows the address to write."""
    with pytest.raises(BadSource, match=r"write jane@gmail\.com, without"):
        find_mailbox("imaps://jane@gmail.com")

    assert find_mailbox("imaps://jane@posteo.de").source.host == "posteo.de"


@pytest.mark.parametrize(
    ("records", "place", "elsewhere"),
    [
        (["0 1 993 imap.acme.example."], "imap.acme.example:993", False),
        (["10 1 993 old.acme.example.", "0 1 1993 new.acme.example."], "new.acme.example:1993", False),
        (["0 1 993 imap.hoster.example."], "imap.hoster.example:993", True),
        (["0 1 993 imap.evilacme.example."], "imap.evilacme.example:993", True),
        (["0 1 993 imap.fastmail.com."], "imap.fastmail.com:993", False),
    ],
)
def test_srv_names_the_server(records: list[str], place: str, elsewhere: bool) -> None:
    """The first SRV record counts. A server that is neither in the domain nor in the table needs a person's consent."""
    found = find({SRV: records})

    assert (found.source.place, found.source.implicit_tls) == (place, True)
    assert found.elsewhere is elsewhere


def test_srv_can_say_that_there_is_no_imap() -> None:
    """The target "." means that the domain offers no IMAP (RFC 2782), so nothing is guessed."""
    with pytest.raises(BadSource, match=r"acme\.example offers no IMAP"):
        find({SRV: ["0 0 0 ."]})


def test_the_mail_exchanger_names_the_provider() -> None:
    """A domain hosted by a known provider gets that provider's server and dead ends."""
    found = find({MX: ["0 acme-example.mail.protection.outlook.com."]})

    assert found.source.place == "outlook.office365.com:993"
    assert found.provider is not None
    assert found.provider.oauth_only


@pytest.mark.parametrize("host", ["imap.acme.example", "mail.acme.example"])
def test_the_usual_names_are_tried_over_tls(authority: trustme.CA, ca_file: Path, host: str) -> None:
    """A guessed server counts if it greets as IMAP does, with a certificate for its name."""
    server = Guessed(authority, host, b"* OK ready\r\n")

    found = find({MX: ["0 mx.acme.example."]}, server.connect, ca_file)

    assert found == Found(Source(JANE, host, 993))


@pytest.mark.parametrize(
    ("certified", "greeting"),
    [("other.example", b"* OK ready\r\n"), ("imap.acme.example", b"220 smtp\r\n"), ("imap.acme.example", b"")],
)
def test_a_guess_that_is_not_proven_is_dropped(
    authority: trustme.CA, ca_file: Path, certified: str, greeting: bytes
) -> None:
    """A foreign certificate or another protocol is no IMAP server of this domain; the error says what was tried."""
    server = Guessed(authority, certified, greeting, reached_as="imap.acme.example")

    with pytest.raises(
        HostUnreachable, match=r"imap\.acme\.example and mail\.acme\.example.*imaps://jane@acme\.example@"
    ):
        find({MX: ["0 mx.acme.example."]}, server.connect, ca_file)
    assert server.tried == ["imap.acme.example", "mail.acme.example"]


def test_guesses_are_tried_without_dns(authority: trustme.CA, ca_file: Path) -> None:
    """If no resolver answers, the usual names are still tried."""
    server = Guessed(authority, "imap.acme.example", b"* OK ready\r\n")

    found = find_mailbox(JANE, ca_file=ca_file, resolver=silent_resolver(), connect=server.connect)

    assert found.source.host == "imap.acme.example"


def test_a_domain_that_does_not_exist_is_said() -> None:
    """A typo in the domain is told by DNS, and nothing is guessed."""
    with pytest.raises(BadSource, match=r"acme\.example of jane@acme\.example does not exist"):
        find({("other.example", "MX"): ["0 mx.other.example."]})


@pytest.mark.parametrize(
    "text", ["", "jane", "@acme.example", "jane@", "jane@acme", "ja ne@a.example", "a@b@c.example"]
)
def test_what_is_no_address_is_named(text: str) -> None:
    """The error repeats what was typed and shows both forms."""
    with pytest.raises(BadSource) as refused:
        find_mailbox(text, resolver=silent_resolver(), connect=nowhere)

    assert repr(text) in str(refused.value)
    assert "imaps://" in str(refused.value)


def test_a_password_in_an_address_is_not_repeated() -> None:
    """A password before the @ is refused, and the error does not repeat it."""
    with pytest.raises(BadSource, match="password") as refused:
        find_mailbox("jane:hunter2@gmail.com", resolver=silent_resolver(), connect=nowhere)

    assert "hunter2" not in str(refused.value)


def test_an_international_domain_is_asked_for_as_dns_writes_it() -> None:
    """DNS and TLS see the ASCII form of the domain."""
    with resolver_of(
        {("_imaps._tcp.xn--bcher-kva.example", "SRV"): ["0 1 993 imap.xn--bcher-kva.example."]}
    ) as resolver:
        found = find_mailbox("jane@bücher.example", resolver=resolver, connect=nowhere)

    assert found.source == Source("jane@xn--bcher-kva.example", "imap.xn--bcher-kva.example", 993)
