"""Minings of mailboxes that change and servers that misbehave."""

import threading

import pytest

from fetcher.imap.connection import ConnectionLost, HostUnreachable
from fetcher.ports import Unavailable
from tests.support.dovecot import Dovecot
from tests.support.fetcher_fakes import MemoryRawStore
from tests.support.fetcher_stack import PASSWORD, Stack, connect_to, ledger_of, mails, odd_stack
from tests.support.odd_imap import OddFolder, OddImap

MESSAGES = 1_050
WHOLE = {"listed": MESSAGES, "fetched": MESSAGES, "skipped": {}, "failed": {}}


def test_connections_that_break(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """Broken connections are reopened, and every message is counted once."""
    dovecot.deliver(login, "INBOX", mails(MESSAGES))
    kills = 0

    def kill(name: str) -> None:
        nonlocal kills
        if name != "plan" and kills < 3:
            kills += bool(dovecot.kill_sessions())

    stack.on_put(kill)

    outcome = stack.mine()

    assert kills
    assert ledger_of(outcome) == WHOLE


def test_a_server_that_hangs_up_now_and_then(odd: OddImap) -> None:
    """A server that hangs up at every third FETCH is still read to the end."""
    odd.on_fetch = lambda count: count % 3 == 0

    assert ledger_of(odd_stack(odd).mine()) == {"listed": 450, "fetched": 450, "skipped": {}, "failed": {}}


def test_a_token_that_expires(dovecot: Dovecot, login: str) -> None:
    """If the token expires during a mining and the connection breaks, a fresh token is requested."""
    dovecot.deliver(login, "INBOX", mails(MESSAGES))
    given: list[str] = []
    killed: list[str] = []

    def token() -> str:
        given.append(dovecot.token(login, seconds=-10 if len(given) == 1 else 3600))
        return given[-1]

    def kill(name: str) -> None:
        if name == "1-200":
            killed.append(name)
            dovecot.kill_sessions()

    stack = Stack(connect_to(dovecot, login, token=token))
    stack.on_put(kill)

    outcome = stack.mine(connections=1)

    assert ledger_of(outcome) == WHOLE
    assert len(given) == 3
    assert killed == ["1-200"]


def test_a_server_that_stays_away(login: str) -> None:
    """A server that stays away ends the mining with a sentence; stored messages stay, and the mining can be resumed."""
    with Dovecot() as server:
        server.add_user(login, PASSWORD)
        server.deliver(login, "INBOX", mails(450))
        stack = Stack(connect_to(server, login))
        stack.on_put_of("1-200", lambda: server.kill())
        with pytest.raises((HostUnreachable, ConnectionLost), match=f"localhost:{server.tls_port}"):
            stack.mine(connections=1)
        stack.on_put_nothing()
        server.start()

        outcome = stack.mine()

    assert ledger_of(outcome) == {"listed": 450, "fetched": 450, "skipped": {}, "failed": {}}


def test_a_server_that_grants_few_connections(odd: OddImap) -> None:
    """A server that allows only one connection is read over that one."""
    stack = odd_stack(odd)
    stack.on_put_of("plan", lambda: odd.login_answers.extend(["NO too many"] * 99))

    outcome = stack.mine(connections=3)

    assert ledger_of(outcome)["fetched"] == 450
    assert odd.logins > 1


def test_messages_that_vanish(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """Messages that are expunged between plan and fetch are skipped and in no watermark."""
    dovecot.deliver(login, "INBOX", mails(450))
    stack.on_put_of("plan", lambda: dovecot.expunge(login, "INBOX", [0, 5, 300]))

    outcome = stack.mine()

    assert ledger_of(outcome) == {"listed": 450, "fetched": 447, "skipped": {"vanished": 3}, "failed": {}}
    assert stack.minings.watermark("INBOX") == "2:5,7:300,302:450"


def test_a_segment_that_vanishes(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """A segment whose messages have all vanished is not stored."""
    dovecot.deliver(login, "INBOX", mails(3))
    stack.on_put_of("plan", lambda: dovecot.expunge(login, "INBOX", [0, 1, 2]))

    outcome = stack.mine()

    assert ledger_of(outcome) == {"listed": 3, "fetched": 0, "skipped": {"vanished": 3}, "failed": {}}
    assert stack.queue.sent == []


def test_a_folder_that_goes_away(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """If a folder disappears between plan and fetch, its messages are failed, and the other folders are read."""
    dovecot.deliver(login, "INBOX", mails(3))
    dovecot.deliver(login, "Work", mails(4, start=10))
    stack.on_put_of("plan", lambda: dovecot.remove_folder(login, "Work"))

    outcome = stack.mine(connections=1)

    assert ledger_of(outcome) == {"listed": 7, "fetched": 3, "skipped": {}, "failed": {"missing": 4}}


@pytest.mark.parametrize("fault", ["refused", "malformed", "withheld", "fatal"])
def test_messages_that_the_server_refuses(odd: OddImap, odd_folder: OddFolder, fault: str) -> None:
    """Only a message that the server refuses, withholds or crashes on is left out; all others are read."""
    getattr(odd_folder, fault).update({7, 8, 401})
    stack = odd_stack(odd)

    outcome = stack.mine()

    assert ledger_of(outcome) == {"listed": 450, "fetched": 447, "skipped": {}, "failed": {"refused": 3}}
    assert stack.minings.watermark("INBOX") == "1:6,9:400,402:450"


class ForgetfulStore(MemoryRawStore):
    """A store whose answer to the first put of each key is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.put_before: set[str] = set()

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        stored = super().put(key, data, if_absent=if_absent)
        if key in self.put_before:
            return stored
        self.put_before.add(key)
        raise Unavailable("The connection to the store broke.")


def test_a_store_whose_answers_are_lost(odd: OddImap, odd_folder: OddFolder) -> None:
    """A segment that was stored although the answer was lost gets its job and counts once."""
    stack = odd_stack(odd, raw_store=ForgetfulStore())

    outcome = stack.mine()

    assert ledger_of(outcome)["fetched"] == len(odd_folder.messages)
    assert len(stack.queue.sent) == 3


def test_a_processor_that_goes_away_for_a_while(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """If the processor does not answer for a while, it is asked again."""
    dovecot.deliver(login, "INBOX", mails(450))

    def stumble(name: str) -> None:
        if name == "1-200":
            stack.minings.down = True
            threading.Timer(0.5, lambda: setattr(stack.minings, "down", False)).start()

    stack.on_put(stumble)

    assert ledger_of(stack.mine())["fetched"] == 450
