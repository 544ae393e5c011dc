"""The minings of a service: a limited number at once, each source once, and nothing kept of an ended one."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fetcher.exits import Busy, Stopping
from fetcher.imap.connection import Credentials
from fetcher.mining.outcome import MiningRequest, Pace
from fetcher.ports import LimitExceeded
from fetcher.service.problems import Problem
from fetcher.service.runs import Run, Runs
from tests.support.fetcher_stack import Stack, mails, odd_stack
from tests.support.odd_imap import OddFolder, OddImap

SECONDS = 20.0
NOTICED_SECONDS = 5 * Pace().watch_seconds
"""By then, a mining has noticed that it must stop."""


@pytest.fixture
def odd() -> Iterator[OddImap]:
    """Yield a mail server with 450 messages: three segments."""
    with OddImap({"INBOX": OddFolder(dict(enumerate(mails(450), start=1)))}) as server:
        yield server


@pytest.fixture
def stack(odd: OddImap) -> Stack:
    """Return the stack for mining that server."""
    return odd_stack(odd)


@pytest.fixture
def runs(stack: Stack, tmp_path: Path) -> Runs:
    """Return runs with at most two minings."""
    return Runs(stack.opened(), claims=tmp_path / "claims", most=2)


def start(runs: Runs, stack: Stack, *, user: str = "jo", credentials: Credentials | None = None) -> Run:
    """Start a mining of the stack's mailbox."""
    connector = stack.connector if credentials is None else replace(stack.connector, credentials=credentials)
    return runs.start(MiningRequest(user, connector.source, connections=1), connector)


def begun(run: Run) -> Problem | None:
    """Wait until the run has begun, and return the problem that prevented it, if any."""
    return run.begun.result(SECONDS)


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def until_ended(runs: Runs) -> None:
    """Wait until no mining is running."""
    until(lambda: runs.count == 0)


def problem_of(runs: Runs, mining: str) -> Problem | None:
    """Return the problem that is remembered of a mining of jo's."""
    run = runs.find("jo", mining)
    return None if run is None else run.problem


def full_disk() -> Exception:
    """Return the error of a full raw store."""
    return LimitExceeded("The disk is full.")


def test_a_mining_is_run_to_its_end(runs: Runs, stack: Stack) -> None:
    """A mining's progress is available while it runs, and the log has its start and end, by id."""
    with capture_logs() as logs:
        run = start(runs, stack)
        problem = begun(run)
        until_ended(runs)

    mining = run.mining
    assert problem is None
    assert stack.minings.minings[mining].ledger.processed == 450
    assert (runs.under_way("jo"), problem_of(runs, mining)) == ([], None)
    assert [(line["event"], line["mining"]) for line in logs] == [("mining begun", mining), ("mining ended", mining)]


def test_progress_is_its_users(runs: Runs, stack: Stack) -> None:
    """A mining's progress is visible only to its own user."""
    stack.minings.idle = True
    run = start(runs, stack)
    assert begun(run) is None
    mining = run.mining

    until(lambda: run.progress.fetched == 450)
    mine, anothers = runs.under_way("jo"), runs.under_way("ann")

    stack.minings.idle = False
    until_ended(runs)
    assert [(each.mining, each.progress.listed) for each in mine] == [(mining, 450)]
    assert anothers == []
    assert runs.find("ann", mining) is None


def test_a_refused_login_is_the_answer_to_the_start(runs: Runs, stack: Stack, odd: OddImap) -> None:
    """A refused login is the answer to the start, and nothing is remembered, because no mining has begun."""
    odd.login_answers = ["NO wrong password"]
    with capture_logs() as logs:
        run = start(runs, stack)
        problem = begun(run)
        until_ended(runs)

    assert problem is not None
    assert (problem.status, problem.code) == (403, "login")
    assert stack.minings.minings == {}
    assert problem_of(runs, run.mining) is None
    assert [(line["event"], line["code"]) for line in logs] == [("mining broken off", "login")]


def test_a_mining_that_was_broken_off_says_by_what_until_it_is_started_again(runs: Runs, stack: Stack) -> None:
    """A mining that failed after its start keeps its problem until it is started again."""
    stack.break_store(full_disk)
    run = start(runs, stack)
    assert begun(run) is None
    until_ended(runs)
    broken = problem_of(runs, run.mining)
    stack.repair_store()

    again = start(runs, stack)
    assert begun(again) is None
    until_ended(runs)

    assert broken == Problem(507, "storage", "The disk is full.")
    assert again.progress.resumed
    assert again.mining == run.mining
    assert problem_of(runs, run.mining) is None
    assert stack.minings.minings[run.mining].state == "finished"


def test_an_error_of_our_own_is_logged_by_its_place_alone(runs: Runs, stack: Stack) -> None:
    """An internal error is logged only by its place, because its text may be mail."""
    stack.break_store(lambda: KeyError("mail text"))
    with capture_logs() as logs:
        begun(start(runs, stack))
        until_ended(runs)

    [line] = [line for line in logs if line["event"] == "mining broken off"]
    assert line["code"] == "error"
    assert any("fetcher_stack.py" in place for place in line["way"])
    assert "mail text" not in str(logs)


def test_a_source_is_read_once_at_a_time(runs: Runs, stack: Stack) -> None:
    """A second start of a running source is refused and does not affect the first."""
    stack.minings.idle = True
    first = start(runs, stack)
    assert begun(first) is None

    second = begun(start(runs, stack))

    stack.minings.idle = False
    until_ended(runs)
    assert second is not None
    assert (second.status, second.code) == (409, "held")
    assert stack.minings.minings[first.mining].state == "finished"


@pytest.fixture
def narrow(stack: Stack, tmp_path: Path) -> Iterator[Runs]:
    """Yield runs with room for one mining, which is under way, and for two in line."""
    runs = Runs(stack.opened(), claims=tmp_path / "claims", most=1, waiting=2)
    stack.minings.idle = True
    assert begun(start(runs, stack)) is None
    yield runs
    stack.minings.idle = False
    until_ended(runs)


def test_no_more_run_or_wait_than_are_allowed(narrow: Runs, stack: Stack) -> None:
    """A mining over the limit waits in line, and once that is full, the next is told to try again."""
    second, third = start(narrow, stack, user="ann"), start(narrow, stack, user="bob")

    with pytest.raises(Busy, match="SERVE_MININGS and SERVE_WAITING"):
        start(narrow, stack, user="eve")

    assert [narrow.place(run) for run in (second, third)] == [1, 2]
    assert (narrow.count, narrow.waiting) == (1, 2)


def test_one_user_cannot_fill_the_line(stack: Stack, tmp_path: Path) -> None:
    """A user can take as many places in line as are free, so that some are left for others."""
    runs = Runs(stack.opened(), claims=tmp_path / "claims", most=0, waiting=10)

    for user, places in (("jo", 5), ("ann", 3), ("bob", 1)):
        for _ in range(places):
            start(runs, stack, user=user)
        with pytest.raises(Busy, match="your share"):
            start(runs, stack, user=user)

    assert runs.waiting == 9


def test_users_take_turns(narrow: Runs, stack: Stack) -> None:
    """The next to run is of the user who has the least running and ahead in line, whoever was there first."""
    line = [start(narrow, stack, user=user) for user in ("jo", "ann")]

    places = [narrow.place(run) for run in line]
    stack.minings.idle = False
    ends = [begun(run) for run in line]
    until_ended(narrow)

    assert places == [2, 1]
    assert ends == [None, None]


def test_the_first_in_line_is_the_next_to_run(narrow: Runs, stack: Stack) -> None:
    """When a mining ends, the one that has waited longest runs, of users who have had the same, and all move up."""
    order: list[object] = []
    waiting = [start(narrow, stack, user=user) for user in ("ann", "bob")]
    for run in waiting:
        run.begun.add_done_callback(order.append)

    stack.minings.idle = False
    problems = [begun(run) for run in waiting]
    until_ended(narrow)

    assert (order, problems, narrow.waiting) == ([run.begun for run in waiting], [None, None], 0)


def test_a_mining_in_line_keeps_the_id_that_its_caller_knows(narrow: Runs, stack: Stack) -> None:
    """If it resumes an unfinished mining, both ids find it; only its own user does."""
    [first] = narrow.under_way("jo")
    second = start(narrow, stack)
    asked = second.mining

    stack.minings.idle = False
    begun(second)
    until_ended(narrow)

    assert narrow.find("jo", asked) is second
    assert narrow.find("jo", second.mining) is second
    assert narrow.find("ann", asked) is None
    assert narrow.find("jo", first.mining) is not None


def test_a_mining_in_line_can_be_cancelled(narrow: Runs, stack: Stack, odd: OddImap) -> None:
    """It leaves the line at once, those behind move up, nothing of it ever begins, and its end is remembered."""
    second, third = start(narrow, stack, user="ann"), start(narrow, stack, user="bob")

    cancelled = narrow.cancel("ann", second.mining)

    assert cancelled is second
    assert (narrow.place(second), narrow.place(third)) == (None, 1)
    assert narrow.cancel("eve", third.mining) is None
    stack.minings.idle = False
    assert begun(third) is None
    until_ended(narrow)
    assert (second.has_begun, narrow.find("ann", second.mining)) == (False, second)


def test_a_mining_that_is_cancelled_while_it_connects_is_cancelled_once_it_has_begun(
    runs: Runs, stack: Stack, odd: OddImap
) -> None:
    """A cancellation is not lost if it comes before the processor knows the mining."""
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go_on.wait(SECONDS)

    odd.on_login = hold
    run = start(runs, stack)
    assert reached.wait(SECONDS)

    cancelled = runs.cancel("jo", run.mining)
    go_on.set()
    begun(run)
    until_ended(runs)

    assert cancelled is run
    assert stack.minings.minings[run.mining].cancelled


def test_a_login_that_fails_after_waiting_is_remembered(narrow: Runs, stack: Stack, odd: OddImap) -> None:
    """Its caller has had an answer already, so its status must say what was wrong."""
    second = start(narrow, stack, user="ann")
    odd.login_answers = ["NO wrong password"]

    stack.minings.idle = False
    problem = begun(second)
    until_ended(narrow)

    assert problem is not None
    assert problem.code == "login"
    assert narrow.find("ann", second.asked) is second
    assert second.problem == problem


def test_an_erased_user_waits_no_longer(narrow: Runs, stack: Stack) -> None:
    """What waits for an erased user never begins, and nothing of theirs is remembered."""
    second, third = start(narrow, stack, user="ann"), start(narrow, stack, user="bob")

    narrow.forget("ann")

    assert narrow.find("ann", second.mining) is None
    assert narrow.place(third) == 1


def test_a_stop_forgets_who_waits(narrow: Runs, stack: Stack) -> None:
    """Nothing in line begins once the service has been told to stop."""
    second = start(narrow, stack, user="ann")

    narrow.stop()
    stack.minings.idle = False
    until_ended(narrow)

    assert (narrow.waiting, second.has_begun) == (0, False)


def test_a_stop_stores_what_is_in_flight_and_leaves_the_rest(
    runs: Runs, stack: Stack, odd: OddImap, tmp_path: Path
) -> None:
    """A stop stores what is in flight and starts nothing new, and the next service resumes the mining."""
    reached, go_on = threading.Event(), threading.Event()

    def hold(_: int) -> bool:
        reached.set()
        return not go_on.wait(SECONDS)

    odd.on_fetch = hold
    run = start(runs, stack)
    assert reached.wait(SECONDS)

    with capture_logs() as logs:
        runs.stop()
        with pytest.raises(Stopping):
            start(runs, stack)
        time.sleep(NOTICED_SECONDS)
        go_on.set()
        until_ended(runs)
    stored = [key for key in stack.raw_store.list("") if not key.endswith("/plan")]
    next_runs = Runs(stack.opened(), claims=tmp_path / "claims", most=2)
    again = start(next_runs, stack)
    assert begun(again) is None
    until_ended(next_runs)

    assert [line["event"] for line in logs] == ["mining left"]
    assert 0 < len(stored) < 3
    assert (again.progress.resumed, again.mining) == (True, run.mining)
    assert stack.minings.minings[run.mining].ledger.processed == 450
    assert set(odd.fetched.values()) == {1}


class Secret(str):
    """A password whose deletion can be observed; a plain str does not support weak references."""


@pytest.mark.parametrize("fault", [None, full_disk, lambda: KeyError("a bug")])
def test_a_password_is_forgotten_with_its_mining(
    runs: Runs, stack: Stack, odd: OddImap, fault: Callable[[], Exception] | None
) -> None:
    """Nothing remembered of a failed mining keeps its password, whether it failed at the login or later."""
    if fault is None:
        odd.login_answers = ["NO wrong password"]
    else:
        stack.break_store(fault)
    password = Secret("hunter2")
    gone = weakref.ref(password)
    run = start(runs, stack, credentials=Credentials(password))
    begun(run)
    until_ended(runs)

    del password
    gc.collect()

    assert gone() is None
    assert (problem_of(runs, run.mining) is None) is (fault is None)
