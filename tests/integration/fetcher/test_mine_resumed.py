"""Minings that do not finish in one run: stopped, cancelled, crashed, taken over."""

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from fetcher.ports import Damaged, LeaseLost, LimitExceeded, NotFound, Unavailable
from schemas.segments import folder_digest
from tests.support.dovecot import Dovecot
from tests.support.fetcher_fakes import Mining
from tests.support.fetcher_stack import Crash, Stack, ledger_of, mails, odd_stack
from tests.support.odd_imap import OddFolder, OddImap

MESSAGES = 1_050
WHOLE = {"listed": MESSAGES, "fetched": MESSAGES, "skipped": {}, "failed": {}}


def crash_but_at(*names: str) -> Callable[[str], None]:
    """Return a hook that crashes before any object other than these is stored."""

    def crash(name: str) -> None:
        if name not in names:
            raise Crash

    return crash


@pytest.mark.parametrize("moment", range(7))
def test_resume_after_a_crash(dovecot: Dovecot, login: str, stack: Stack, moment: int) -> None:
    """Wherever a fetcher dies, the next one resumes: it fetches only what is not stored yet."""
    dovecot.deliver(login, "INBOX", mails(MESSAGES))
    puts = 0

    def crash(_: str) -> None:
        nonlocal puts
        puts += 1
        if puts > moment:
            raise Crash

    stack.on_put(crash)
    with pytest.raises(Crash):
        stack.mine(connections=1)
    stored = sum(len(segment.messages) for segment in stack.stored())
    stack.on_put_nothing()
    before = dovecot.messages_fetched(login)

    outcome = stack.mine()

    assert ledger_of(outcome) == WHOLE
    assert stored == 200 * max(0, moment - 1)
    assert dovecot.messages_fetched(login) - before == MESSAGES - stored
    assert outcome.resumed
    assert stack.minings.watermark("INBOX") == f"1:{MESSAGES}"


def test_resume_when_jobs_were_lost(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """If the fetcher died between storing a segment and sending its job, the next one sends it without a reread."""
    dovecot.deliver(login, "INBOX", mails(150))
    stack.queue.down = True

    with pytest.raises(Unavailable):
        stack.mine()
    stack.queue.down = False
    outcome = stack.mine()

    assert outcome.resumed
    assert ledger_of(outcome)["fetched"] == 150
    assert dovecot.messages_fetched(login) == 150


def test_jobs_that_are_done_are_not_sent_again(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """If everything stored has been processed, no job is repeated."""
    dovecot.deliver(login, "INBOX", mails(450))
    stack.on_put(crash_but_at("plan", "1-200", "201-400"))
    with pytest.raises(Crash):
        stack.mine(connections=1)
    stack.on_put_nothing()

    stack.mine()

    assert len(stack.queue.sent) == 3


def test_the_plan_is_fixed(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """A resumed mining uses the existing plan: mail that arrived later waits for the next mining."""
    dovecot.deliver(login, "INBOX", mails(10))
    stack.on_put(crash_but_at("plan"))
    with pytest.raises(Crash):
        stack.mine()
    stack.on_put_nothing()
    dovecot.deliver(login, "INBOX", mails(5, start=100))

    resumed, following = stack.mine(), stack.mine()

    assert ledger_of(resumed)["listed"] == 10
    assert ledger_of(following)["listed"] == 5


def test_ctrl_c(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """When asked to stop, a mining finishes what is in flight, does not end the fetching, and can be resumed."""
    dovecot.deliver(login, "INBOX", mails(MESSAGES))

    def stop() -> None:
        stack.stop.set()
        time.sleep(0.2)

    stack.on_put_of("201-400", stop)

    stopped = stack.mine(connections=1)
    calls = list(stack.minings.calls)
    stack.on_put_nothing()
    stack.stop.clear()
    resumed = stack.mine()

    assert (stopped.finished, stopped.state, stopped.progress.fetched) == (False, "fetching", 400)
    assert "fetched" not in calls
    assert resumed.mining == stopped.mining
    assert ledger_of(resumed) == WHOLE
    assert dovecot.messages_fetched(login) == MESSAGES


def test_ctrl_c_while_planning(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """A stop during planning leaves no plan behind, and the next fetcher makes one."""
    dovecot.deliver(login, "INBOX", mails(10))
    stack.on_progress = lambda progress: stack.stop.set() if progress.state == "planning" else None

    stopped = stack.mine()
    objects = list(stack.raw_store.list(""))
    stack.on_progress = lambda _: None
    stack.stop.clear()
    resumed = stack.mine()

    assert not stopped.finished
    assert objects == []
    assert resumed.mining == stopped.mining
    assert ledger_of(resumed)["listed"] == 10


def test_ctrl_c_while_waiting(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """Once fetching has ended, waiting can be interrupted; the next call waits and fetches nothing."""
    dovecot.deliver(login, "INBOX", mails(3))
    stack.minings.idle = True
    stack.on_progress = lambda progress: stack.stop.set() if progress.state == "processing" else None

    stopped = stack.mine()
    stack.minings.idle = False
    stack.on_progress = lambda _: None
    stack.stop.clear()
    outcome = stack.mine()

    assert (stopped.finished, stopped.state) == (False, "processing")
    assert ledger_of(outcome)["fetched"] == 3
    assert dovecot.messages_fetched(login) == 3


def test_cancel(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """A cancelled mining keeps what is stored; the rest is skipped, in no watermark, and left to the next one."""
    dovecot.deliver(login, "INBOX", mails(MESSAGES))
    heard = threading.Event()

    def cancel(name: str) -> None:
        if name == "201-400":
            stack.minings.cancel("local", mining=stack.seen[-1].mining)
            heard.wait(5)

    stack.minings.on_renew = lambda mining: heard.set() if mining.cancelled else None
    stack.on_put(cancel)

    first = stack.mine(connections=1)
    stack.on_put_nothing()
    second = stack.mine()

    fetched = first.progress.fetched
    rest = MESSAGES - fetched
    assert 400 <= fetched < MESSAGES
    assert ledger_of(first) == {"listed": MESSAGES, "fetched": fetched, "skipped": {"cancelled": rest}, "failed": {}}
    assert ledger_of(second) == {"listed": rest, "fetched": rest, "skipped": {}, "failed": {}}
    assert dovecot.messages_fetched(login) == MESSAGES


def test_cancelled_before_it_was_planned(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """A mining that is cancelled before it was planned ends empty."""
    dovecot.deliver(login, "INBOX", mails(10))
    stack.minings.on_renew = lambda mining: setattr(mining, "cancelled", True)

    outcome = stack.mine()

    assert ledger_of(outcome) == {"listed": 0, "fetched": 0, "skipped": {}, "failed": {}}
    assert outcome.progress.cancelled


@pytest.mark.parametrize("over", [True, False])
def test_what_is_stored_into_a_mining_that_is_gone(dovecot: Dovecot, login: str, stack: Stack, over: bool) -> None:
    """A fetcher whose mining was torn down meanwhile ends like it; if it was not, the store's error is raised."""
    dovecot.deliver(login, "INBOX", mails(MESSAGES))

    def vanish(name: str) -> None:
        if name != "plan":
            stack.minings.minings[stack.seen[-1].mining].state = "finished" if over else "fetching"
            raise NotFound("Its folder is gone.")

    stack.on_put(vanish)

    with nullcontext() if over else pytest.raises(NotFound, match="Its folder is gone"):
        outcome = stack.mine(connections=1)
        assert (outcome.finished, outcome.state) == (True, "finished")


def test_a_plan_that_is_damaged(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """A damaged plan gives an error that says what to do, and nothing is fetched."""
    dovecot.deliver(login, "INBOX", mails(MESSAGES))
    stack.on_put(crash_but_at("plan"))
    with pytest.raises(Crash):
        stack.mine()
    [key] = stack.raw_store.list("")
    stack.on_put_nothing()
    stack.raw_store.put(key, b"damaged")

    with pytest.raises(Damaged, match=r"damaged: end the mining with `leadminer cancel`"):
        stack.mine()

    assert stack.stored() == []


def test_a_lease_that_is_lost(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """A fetcher whose mining was taken over stops immediately and says so."""
    dovecot.deliver(login, "INBOX", mails(MESSAGES))
    refused = threading.Event()

    def take_over(mining: Mining) -> None:
        if stack.stored():
            mining.lease += 1

    stack.minings.on_renew = take_over
    stack.on_put_of("401-600", lambda: refused.wait(1))

    with pytest.raises(LeaseLost, match="taken over"):
        stack.mine(connections=1)

    assert "fetched" not in stack.minings.calls
    assert len(stack.stored()) < 6


def test_a_lease_that_fails_unexpectedly(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """An error in the thread that renews the lease ends the mining instead of being printed."""
    dovecot.deliver(login, "INBOX", mails(MESSAGES))
    failed = threading.Event()

    def fail(_: Mining) -> None:
        if stack.stored():
            failed.set()
            raise Crash

    stack.minings.on_renew = fail
    stack.on_put_of("401-600", lambda: failed.wait(5))

    with pytest.raises(Crash):
        stack.mine(connections=1)


def test_a_folder_that_was_made_anew(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """If the UIDVALIDITY has changed on resume, unfetched messages are failed, and the next mining reads everything."""
    dovecot.deliver(login, "INBOX", mails(450))
    stack.on_put(crash_but_at("plan", "1-200"))
    with pytest.raises(Crash):
        stack.mine(connections=1)
    stack.on_put_nothing()
    dovecot.change_uidvalidity(login, "INBOX", 4711)

    resumed, following = stack.mine(), stack.mine()

    assert ledger_of(resumed) == {"listed": 450, "fetched": 200, "skipped": {}, "failed": {"uidvalidity": 250}}
    assert ledger_of(following)["listed"] == 450
    assert stack.minings.marks[folder_digest("INBOX")].uidvalidity == 4711


def test_what_is_not_stored_is_told_apart(odd: OddImap, odd_folder: OddFolder) -> None:
    """For messages missing in a stored segment, the next run asks whether they were refused or have vanished."""
    odd_folder.refused.update({7, 8})
    stack = odd_stack(odd)
    stack.on_put(crash_but_at("plan", "1-200"))
    with pytest.raises(Crash):
        stack.mine(connections=1)
    stack.on_put_nothing()
    del odd_folder.messages[8]

    outcome = stack.mine()

    assert ledger_of(outcome) == {"listed": 450, "fetched": 448, "skipped": {"vanished": 1}, "failed": {"refused": 1}}


def test_a_full_disk(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """A full disk ends the mining with its sentence; with free space, it is resumed."""
    dovecot.deliver(login, "INBOX", mails(450))

    def fill(name: str) -> None:
        if name != "plan":
            raise LimitExceeded("The disk is full.")

    stack.on_put(fill)
    with pytest.raises(LimitExceeded, match="disk is full"):
        stack.mine()
    stack.on_put_nothing()

    assert ledger_of(stack.mine())["fetched"] == 450
