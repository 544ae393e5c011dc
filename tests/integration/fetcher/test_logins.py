"""Ways to log in, and connections that break before the login is complete."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import trustme

from fetcher.exits import Exit, exit_of
from fetcher.imap.connection import (
    CertificateRefused,
    ConnectionLost,
    Connector,
    Credentials,
    HostUnreachable,
    LoginRefused,
    NotImap,
    PlainRefused,
    TlsRefused,
)
from fetcher.imap.mailbox import Mailbox
from fetcher.imap.source import Source
from fetcher.ports import Trouble
from tests.support.dovecot import Dovecot
from tests.support.fetcher_stack import ledger_of, odd_stack
from tests.support.imap.faults import on, refused
from tests.support.imap.listener import Part, Wire, listening
from tests.support.imap.mail import Folder
from tests.support.imap.server import ImapServer
from tests.support.odd_imap import OddImap

ODD = r"""a" b\c ({5} %*]"""


def connector_to(port: int, *, tls: bool = False, password: str = "secret", ca_file: Path | None = None) -> Connector:
    """Return a connector to a port of this machine."""
    host = "localhost" if tls else "127.0.0.1"
    source = Source("jane", host, port, implicit_tls=tls)
    return Connector(source, Credentials(password), ca_file=ca_file, connect_timeout_seconds=5)


def refusal(connector: Connector) -> Trouble:
    """Return the Trouble with which connecting fails."""
    with pytest.raises(Trouble) as refused:
        Mailbox(connector)
    return refused.value


def trouble_of(part: Part, *, tls: bool = False, ca_file: Path | None = None) -> Trouble:
    """Return the Trouble that a server's part leads to."""
    with listening(part) as port:
        return refusal(connector_to(port, tls=tls, ca_file=ca_file))


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, Path]:
    """Return a certificate authority and the file that makes clients trust it."""
    authority, file = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return authority, file


def certified(authority: trustme.CA, *, not_after: datetime | None = None) -> ssl.SSLContext:
    """Return a server's context with a certificate for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_after=not_after).configure_cert(context)
    return context


def shake(context: ssl.SSLContext, wire: Wire) -> None:
    """Start TLS on a connection."""
    wire.socket = context.wrap_socket(wire.socket, server_side=True)


@pytest.mark.parametrize(
    ("login", "password"),
    [("jane", ODD), ("jane doe@acme.example", "*"), (ODD, ODD), ("jörg", "grüße"), ("jane", "пароль")],
)
def test_logins_and_passwords_of_any_characters(login: str, password: str) -> None:
    """Whatever characters they have, the server gets exactly this login and this password."""
    with ImapServer({"INBOX": Folder()}) as server:
        source = Source(login, server.host, server.port, implicit_tls=False)
        Mailbox(Connector(source, Credentials(password))).close()
        [sent] = [command.words for command in server.commands if command.name == "LOGIN"]

    assert sent == [login.encode(), password.encode()]


def test_a_password_of_special_characters_for_a_real_server(dovecot: Dovecot, login: str, connector: Connector) -> None:
    """A real server accepts them too."""
    dovecot.add_user(login, ODD)

    Mailbox(replace(connector, credentials=Credentials(ODD))).close()


def test_a_login_before_the_greeting() -> None:
    """A server that greets with PREAUTH gets no login; over a network, only with TLS or permission."""
    with ImapServer({"INBOX": Folder()}) as server:
        server.greeting = "* PREAUTH you are in"
        Mailbox(connector_to(server.port)).close()
        far = Connector(Source("jane", Dovecot.other_host, server.port, implicit_tls=False), Credentials("secret"))
        trouble = refusal(far)
        Mailbox(replace(far, plain=True)).close()

    assert isinstance(trouble, PlainRefused)
    assert server.count("LOGIN") == 0


def test_login_disabled_but_not_plain() -> None:
    """LOGINDISABLED concerns the command LOGIN alone: with AUTH=PLAIN, a password works on loopback."""
    with ImapServer({"INBOX": Folder()}, capabilities="LOGINDISABLED AUTH=PLAIN") as server:
        Mailbox(connector_to(server.port)).close()

    assert (server.count("LOGIN"), server.count("AUTHENTICATE")) == (0, 1)


def test_login_disabled_before_tls(authority: tuple[trustme.CA, Path]) -> None:
    """If a server takes no password without TLS but offers STARTTLS, TLS is started, on loopback too."""
    heard: list[bytes] = []

    def part(wire: Wire) -> None:
        wire.greet(b"LOGINDISABLED STARTTLS")
        wire.answer()
        shake(certified(authority[0]), wire)
        heard.extend([wire.answer(b"* CAPABILITY IMAP4rev1"), wire.answer(), wire.answer(b"* CAPABILITY IMAP4rev1")])
        wire.answer(b"* BYE bye")

    with listening(part) as port:
        source = Source("jane", "localhost", port, implicit_tls=False)
        Mailbox(Connector(source, Credentials("secret"), ca_file=authority[1])).close()

    assert heard[1] == b'LOGIN "jane" "secret"'


def test_no_passwords_at_all(authority: tuple[trustme.CA, Path]) -> None:
    """A server that takes no password even with TLS is not said to lack TLS."""

    def part(wire: Wire) -> None:
        shake(certified(authority[0]), wire)
        wire.greet(b"LOGINDISABLED")

    trouble = trouble_of(part, tls=True, ca_file=authority[1])

    assert isinstance(trouble, LoginRefused)
    assert "OAuth token" in str(trouble)


def test_a_server_of_the_next_revision() -> None:
    """A server without IMAP4rev1 is named as one, instead of being busy."""
    with ImapServer({"INBOX": Folder()}) as server:
        server.capabilities = "IMAP4rev2 AUTH=PLAIN"
        trouble = refusal(connector_to(server.port))

    assert isinstance(trouble, NotImap)
    assert "IMAP4rev2" in str(trouble)


@pytest.mark.parametrize("answer", [None, "NO no", "BAD what?"])
def test_the_program_introduces_itself(answer: str | None) -> None:
    """If the server offers ID, it is sent before any folder is opened, and a refusal does not matter."""
    faults = [on("ID", refused(answer))] if answer else []
    with ImapServer({"INBOX": Folder()}, capabilities="ID", faults=faults) as server:
        mailbox = Mailbox(connector_to(server.port))
        mailbox.examine("INBOX")
        mailbox.close()
        names = [command.name for command in server.commands]
        [said] = [command.arguments for command in server.commands if command.name == "ID"]

    assert names.index("LOGIN") < names.index("ID") < names.index("EXAMINE")
    assert said.startswith(b'("name" "leadminer" "version" "')


def test_no_introduction_where_none_is_wanted() -> None:
    """A server that does not offer ID gets none."""
    with ImapServer({"INBOX": Folder()}) as server:
        Mailbox(connector_to(server.port)).close()

    assert server.count("ID") == 0


def greet_and_leave(wire: Wire) -> None:
    """Hang up in the middle of the login."""
    wire.greet()
    wire.hear()


def say_goodbye(wire: Wire) -> None:
    """Log the client out for no reason during the login."""
    wire.greet()
    wire.hear()
    wire.say(b"* BYE idle for too long\r\n")


def talk_nonsense(wire: Wire) -> None:
    """Answer the login with something that is no IMAP."""
    wire.greet()
    wire.hear()
    wire.say(b"hello\r\n")


@pytest.mark.parametrize(
    ("part", "tls"),
    [
        (lambda wire: None, False),
        (Wire.reset, False),
        (lambda wire: wire.say(b"* OK rea"), False),
        (lambda wire: wire.say(b"* OK ready\r\n"), False),
        (greet_and_leave, False),
        (say_goodbye, False),
        (talk_nonsense, False),
        (lambda wire: None, True),
        (Wire.reset, True),
        (lambda wire: wire.socket.recv(1), True),
    ],
    ids=["end", "reset", "half", "greeting", "login", "bye", "nonsense", "TLS end", "TLS reset", "hello end"],
)
def test_a_connection_that_breaks_before_the_login(part: Part, tls: bool) -> None:
    """It is called a lost connection: no wrong password, no other protocol, and never a reason to drop TLS."""
    trouble = trouble_of(part, tls=tls)

    assert isinstance(trouble, ConnectionLost)
    assert exit_of(trouble) == Exit.UNREACHABLE
    assert [word for word in ("password", "imap://", "allow it", "speak") if word in str(trouble)] == []


def stay_silent(wire: Wire) -> None:
    """Say nothing."""
    wire.ended.wait(5)


def test_a_silent_server_is_no_reason_to_drop_tls() -> None:
    """A TLS server that says nothing is not answered with the advice to try imap://."""
    with listening(stay_silent) as port:
        trouble = refusal(replace(connector_to(port, tls=True), connect_timeout_seconds=0.1))

    assert isinstance(trouble, HostUnreachable)
    assert "imap://" not in str(trouble)


@pytest.mark.parametrize(
    "said", ["NO [ALERT] Too many simultaneous connections. (Failure)", "NO System Error (Failure)", "BAD Server busy"]
)
def test_a_busy_server_in_words(said: str) -> None:
    """A busy server without a response code is distinguished from one that refuses the password, too."""
    with ImapServer({}, faults=[on("LOGIN", refused(said))]) as server:
        trouble = refusal(connector_to(server.port))

    assert isinstance(trouble, HostUnreachable)


def hello_with(context: ssl.SSLContext, wire: Wire) -> None:
    """Greet over TLS."""
    shake(context, wire)
    wire.greet()


def test_an_expired_certificate(authority: tuple[trustme.CA, Path]) -> None:
    """An expired certificate has its own sentence, without the advice to trust another authority."""
    context = certified(authority[0], not_after=datetime.now(UTC) - timedelta(days=1))

    trouble = trouble_of(partial(hello_with, context), tls=True, ca_file=authority[1])

    assert isinstance(trouble, CertificateRefused)
    assert "expired" in str(trouble)
    assert "trust" not in str(trouble)


def outdated(context: ssl.SSLContext) -> None:
    """Speak only TLS 1.1."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1


def wanting(version: ssl.TLSVersion, context: ssl.SSLContext) -> None:
    """Want a certificate of the client."""
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (outdated, "TLS 1.2 or later"),
        (partial(wanting, ssl.TLSVersion.TLSv1_2), "client certificate"),
        (partial(wanting, ssl.TLSVersion.TLSv1_3), "client certificate"),
    ],
    ids=["outdated", "client certificate in 1.2", "client certificate in 1.3"],
)
@pytest.mark.filterwarnings("ignore:.*TLSv1:DeprecationWarning")
def test_tls_that_does_not_come_about(
    authority: tuple[trustme.CA, Path], change: Callable[[ssl.SSLContext], None], words: str
) -> None:
    """Why no TLS comes about has its own sentence, and never the advice to do without it."""
    context = certified(authority[0])
    change(context)

    trouble = trouble_of(partial(hello_with, context), tls=True, ca_file=authority[1])

    assert isinstance(trouble, TlsRefused)
    assert exit_of(trouble) == Exit.UNREACHABLE
    assert words in str(trouble)
    assert [word for word in ("imap://", "allow it") if word in str(trouble)] == []


def test_a_login_that_worked_before(odd: OddImap) -> None:
    """If the server refuses a login that worked before, it is tried again for as long as the patience lasts."""
    stack = odd_stack(odd)
    odd.on_fetch = lambda number: number == 1
    stack.on_put_of("plan", lambda: odd.login_answers.extend(["NO [AUTHENTICATIONFAILED] wrong password"] * 6))

    outcome = stack.mine(connections=1)

    assert ledger_of(outcome)["fetched"] == 450
    assert odd.logins == 8
