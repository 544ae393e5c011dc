"""What `mine` says at the end of a mining."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fetcher.commands.mine import conclude
from fetcher.commands.session import Session
from fetcher.commands.summary import Standing
from fetcher.exits import Exit
from fetcher.mining.failures import Failure
from fetcher.mining.outcome import Outcome, Progress
from schemas.ledger import Ledger

MINING = "11111111-aaaa-4aaa-8aaa-000000000001"
FIRST = Ledger(
    listed=3936,
    fetched=3936,
    processed=3776,
    duplicate=160,
    contacts={"contact": 394, "automated": 12, "unreachable": 137},
)


def outcome(*perhaps_own: str, state: str = "finished", ledger: Ledger | None = None) -> Outcome:
    """Return the outcome of a mining, by default an empty one, that found these addresses in the Sent folder."""
    return Outcome(
        mining=MINING,
        finished=state == "finished",
        resumed=False,
        state=state,
        progress=Progress(MINING),
        ledger=(ledger or Ledger()).to_json(),
        receipt={"objects": 4},
        perhaps_own=perhaps_own,
    )


def end(ended: Outcome, standing: Standing | None = None, **options: Any) -> Exit:
    """Conclude a mining of the user `local`."""
    known = standing or (Standing(0) if ended.finished else None)
    return conclude(Session(), ended, known, **{"user": "local", "verbose": False, "as_json": False, **options})


@pytest.mark.parametrize(
    ("ledger", "standing", "said"),
    [
        (
            FIRST,
            Standing(394),
            "394 contacts from 3,936 messages (149 addresses left out: 137 unattended, 12 automated).",
        ),
        (Ledger(listed=1, fetched=1, processed=1, contacts={"contact": 1}), Standing(1), "1 contact from 1 message."),
        (
            Ledger(listed=3, fetched=3, processed=3, contacts={"contact": 2, "disposable": 1}),
            Standing(395, "2026-11-01T10:12:00Z"),
            "2 contacts from 3 new messages (1 address left out: 1 disposable). You have 395 contacts in all.",
        ),
        (Ledger(), Standing(0), "Nothing new; 0 contacts."),
    ],
)
def test_the_first_screen_is_the_result(
    ledger: Ledger, standing: Standing, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mining in which nothing is missing ends with one sentence: the contacts, and the messages they come from."""
    code = end(outcome(ledger=ledger), standing)

    assert (code, capsys.readouterr().out) == (Exit.OK, f"{said}\n")


def test_a_second_run_says_since_when_there_is_nothing_new(capsys: pytest.CaptureFixture[str]) -> None:
    """The time of the earlier mining is local, to the minute; copies of counted messages are nothing new."""
    ledger = Ledger(listed=5, fetched=5, duplicate=5)

    end(outcome(ledger=ledger), Standing(394, "2026-11-01T10:12:30Z"))

    shown = capsys.readouterr().out
    assert shown.startswith("Nothing new since 2026-1")
    assert shown.endswith("; 394 contacts.\n")


def test_verbose_adds_the_ledger_and_the_receipt(capsys: pytest.CaptureFixture[str]) -> None:
    """`--verbose` shows what happened to every message, below the result."""
    end(outcome(ledger=FIRST), Standing(394), verbose=True)

    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("394 contacts")
    assert sum("balances" in line for line in rest) == 2
    assert "    objects: 4" in rest


@pytest.mark.parametrize(
    "ledger",
    [
        Ledger(listed=5, fetched=4, processed=4, failed={"refused": 1}),
        Ledger(listed=5, fetched=5, processed=4, dead={"error": 1}),
        Ledger(listed=5, failed={"refused": 5}),
        Ledger(listed=5, fetched=4, processed=4),
    ],
)
def test_what_is_missing_is_always_shown(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    """If messages are missing, the ledger follows the result, and the exit code says so."""
    code = end(outcome(ledger=ledger), Standing(1))

    shown = capsys.readouterr().out
    assert code == Exit.NOT_WELL
    assert "listed  5 =" in shown
    assert "Nothing new" not in shown


def test_a_cancelled_mining_shows_what_was_left(capsys: pytest.CaptureFixture[str]) -> None:
    """A mining that was cancelled meanwhile shows its ledger and ends as interrupted."""
    ended = outcome(ledger=Ledger(listed=5, fetched=2, processed=2, skipped={"cancelled": 3}))

    code = end(replace(ended, progress=Progress(MINING, cancelled=True)), Standing(1))

    assert code == Exit.INTERRUPTED
    assert "cancelled 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("addresses", "line"),
    [
        (["jane@work.example"], "Is jane@work.example yours too? Mine again with --me jane@work.example "),
        (
            ["a@x.example", "b'c@x.example"],
            "Are a@x.example and b'c@x.example yours too? Mine again with --me a@x.example",
        ),
    ],
)
def test_addresses_that_wrote_from_the_sent_folder_are_suggested(
    addresses: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line asks about them and says how to declare them, beside the result rather than in it."""
    code = end(outcome(*addresses))

    shown = capsys.readouterr()
    assert code == Exit.OK
    assert [text for text in shown.err.splitlines() if "yours too" in text and text.startswith(line)] != []
    assert "yours too" not in shown.out


def test_nothing_is_suggested_without_such_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    """If all mail in the Sent folder is from known addresses, or the mining has not ended, nobody is asked."""
    end(outcome())
    end(outcome("jane@work.example", state="fetching"))

    assert "yours too" not in capsys.readouterr().err


def test_failures_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The end of a mining names the folders that failed, in the server's words, on a line of their own each."""
    failures = (Failure("Archive", "refused", 2, (7, 8), "[SERVERBUG] sorry"), Failure("Old", "missing"))
    ended = replace(outcome(ledger=Ledger(listed=2, failed={"refused": 2})), failures=failures)

    code = end(ended)

    assert code == Exit.NOT_WELL
    assert 'Archive: 2 messages refused (UID 7, 8). The server says: "[SERVERBUG] sorry"' in capsys.readouterr().err


def test_json_has_the_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    """A program finds the addresses in the outcome."""
    end(outcome("jane@work.example"), as_json=True)

    assert json.loads(capsys.readouterr().out)["perhaps_own"] == ["jane@work.example"]


@pytest.mark.parametrize(
    ("ledger", "code"),
    [
        (Ledger(listed=9, fetched=4, processed=4, failed={"unavailable": 5}), Exit.INTERRUPTED),
        (Ledger(folders_failed={"7ce82cff3eb34362": "unavailable", "8ee7ca6f7804df34": "refused"}), Exit.INTERRUPTED),
        (Ledger(listed=9, fetched=4, processed=4, failed={"refused": 5}), Exit.NOT_WELL),
        (Ledger(listed=9, fetched=4, processed=4, failed={"unavailable": 4}), Exit.NOT_WELL),
    ],
)
def test_what_the_server_did_not_give(ledger: Ledger, code: Exit, capsys: pytest.CaptureFixture[str]) -> None:
    """A mining is not called finished if the server had more to give; the same command reads the rest."""
    here = Session(arguments=["mine", "imap://jane@localhost"])
    found = conclude(here, outcome(ledger=ledger), Standing(0), user="local", verbose=False, as_json=False)

    shown = capsys.readouterr()
    assert found == code
    assert ("is finished" not in shown.out) is ledger.incomplete
    assert ("leadminer mine imap://jane@localhost" in shown.err) is (code == Exit.INTERRUPTED)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_failed_mining_says_what_to_do(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """It exits with 1, says that nothing counts, and shows the report, unless the output is JSON."""
    ledger = Ledger(listed=3, fetched=3, dead={"limit": 3})

    code = conclude(
        Session(), outcome(ledger=ledger, state="failed"), None, user="local", verbose=False, as_json=as_json
    )

    shown = capsys.readouterr()
    assert code == Exit.NOT_WELL
    assert "nothing of it counts" in shown.err
    assert ("dead 3 (limit 3)" in shown.out) is not as_json
