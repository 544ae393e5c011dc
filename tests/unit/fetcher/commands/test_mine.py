"""What `mine` says at the end of a mining."""

import json
from dataclasses import replace

import pytest

from fetcher.commands.mine import conclude
from fetcher.commands.session import Session
from fetcher.exits import Exit
from fetcher.mining.failures import Failure
from fetcher.mining.outcome import Outcome, Progress
from schemas.ledger import Ledger

MINING = "11111111-aaaa-4aaa-8aaa-000000000001"


def outcome(*perhaps_own: str, state: str = "finished", ledger: Ledger | None = None) -> Outcome:
    """Return the outcome of a mining, by default an empty one, that found these addresses in the Sent folder."""
    return Outcome(
        mining=MINING,
        finished=state == "finished",
        resumed=False,
        state=state,
        progress=Progress(MINING),
        ledger=(ledger or Ledger()).to_json(),
        receipt={},
        perhaps_own=perhaps_own,
    )


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
    code = conclude(Session(), outcome(*addresses), as_json=False)

    shown = capsys.readouterr()
    assert code == Exit.OK
    assert [text for text in shown.err.splitlines() if "yours too" in text and text.startswith(line)] != []
    assert "yours too" not in shown.out


def test_nothing_is_suggested_without_such_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    """If all mail in the Sent folder is from known addresses, or the mining has not ended, nobody is asked."""
    conclude(Session(), outcome(), as_json=False)
    conclude(Session(), outcome("jane@work.example", state="fetching"), as_json=False)

    assert "yours too" not in capsys.readouterr().err


def test_failures_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The end of a mining names the folders that failed, in the server's words, on a line of their own each."""
    failures = (Failure("Archive", "refused", 2, (7, 8), "[SERVERBUG] sorry"), Failure("Old", "missing"))
    ended = replace(outcome(ledger=Ledger(listed=2, failed={"refused": 2})), failures=failures)

    code = conclude(Session(), ended, as_json=False)

    assert code == Exit.NOT_WELL
    assert 'Archive: 2 messages refused (UID 7, 8). The server says: "[SERVERBUG] sorry"' in capsys.readouterr().err


def test_json_has_the_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    """A program finds the addresses in the outcome."""
    conclude(Session(), outcome("jane@work.example"), as_json=True)

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
    found = conclude(Session(arguments=["mine", "imap://jane@localhost"]), outcome(ledger=ledger), as_json=False)

    shown = capsys.readouterr()
    assert found == code
    assert ("is finished" not in shown.out) is ledger.incomplete
    assert ("leadminer mine imap://jane@localhost" in shown.err) is (code == Exit.INTERRUPTED)
